// Draws every chart of the page. Options are JSON, so a formatter is a name: "@number" and its kind, resolved here.
"use strict";
(() => {
  const number = (value) => (typeof value === "number" ? value.toLocaleString("en-US") : String(value ?? ""));
  // ECharts hands a value to axis labels and tooltips, and an object with one to labels of series
  const valueOf = (given) => (given !== null && typeof given === "object" && "value" in given ? given.value : given);
  const last = (value) => (Array.isArray(value) ? value[value.length - 1] : value);
  const formatters = {
    "@number": (given) => number(last(valueOf(given))),
    "@unsigned": (given) => number(Math.abs(last(valueOf(given)))),
    "@percent": (given) => `${number(last(valueOf(given)))} %`,
    "@cell": (given) => number(last(valueOf(given))),
    "@name": (given) => given.name,
  };

  // Only under these two names, so that data that happens to begin with @ stays data
  const revive = (node) => {
    if (node === null || typeof node !== "object") return node;
    for (const [key, value] of Object.entries(node)) {
      const known = key === "formatter" || key === "valueFormatter";
      if (known && Object.hasOwn(formatters, value)) node[key] = formatters[value];
      else revive(value);
    }
    return node;
  };

  const font = getComputedStyle(document.body).fontFamily;
  const charts = [...document.querySelectorAll(".chart")].map((place) => {
    const option = revive(JSON.parse(place.querySelector("script").textContent));
    const chart = echarts.init(place.querySelector(".canvas"), null, { renderer: "svg" });
    chart.setOption({ ...option, textStyle: { fontFamily: font } });
    return chart;
  });
  const fit = () => charts.forEach((chart) => chart.resize());
  addEventListener("resize", fit);
  addEventListener("beforeprint", fit);
})();
