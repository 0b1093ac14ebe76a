"""`koi policy`, as somebody types it who has just written a policy."""

import json
from pathlib import Path

from typer.testing import CliRunner

from services.cli.main import app
from services.notifier.policy.schema import schema_text

POLICY = """\
consent: {marketing: implied}
caps: {marketing: {day: 2, week: none}}
quiet_hours:
  - {from: "20:00", to: "10:00", channels: [sms], categories: [marketing]}
holdout: {share: 2%, name: "2026"}
unknown_zone: Asia/Shanghai
"""


def koi(*words: str) -> tuple[int, str, str]:
    told = CliRunner().invoke(app, ["policy", *words], env={"COLUMNS": "200"})
    return told.exit_code, told.stdout, told.stderr


def test_a_policy_is_told_in_words(tmp_path: Path) -> None:
    """What it means, what was left out included."""
    file = tmp_path / "策略.yaml"
    file.write_text(POLICY, encoding="utf-8")
    code, said, _ = koi("check", str(file))
    assert (code, said.splitlines()[:-1]) == (
        0,
        [
            "transactional: goes to those who did not refuse",
            "service: goes to those who did not refuse; at most 3 a day, at most 10 in 7 days",
            "marketing: goes to those who did not refuse; at most 2 a day, any number in 7 days",
            "quiet 20:00–10:00: marketing to customers over sms wait until it is over, by the clock on the recipient's wall",
            "control group 2026: 2 % of all customers get no marketing",
            "who has not said where they live, lives in Asia/Shanghai",
        ],
    )


def test_without_a_file_the_defaults_are_told() -> None:
    """They are restraint."""
    code, said, _ = koi("check")
    assert code == 0
    assert "marketing: goes only to those who agreed; at most 1 a day, at most 3 in 7 days" in said
    assert "quiet 21:00–09:00: marketing, service to customers wait" in said


def test_all_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    """In both files, with the place and a hint; for a machine as JSON."""
    policy, staff = tmp_path / "policy.yaml", tmp_path / "staff.yaml"
    policy.write_text("consent: {marketing: requird}\ncapz: {}\n", encoding="utf-8")
    staff.write_text("colleagues: {c7: {contacts: {wecom_robot: x}}}\n", encoding="utf-8")
    code, _, said = koi("check", str(policy), "--staff", str(staff))
    assert code == 1
    assert [line.split(": ")[0] for line in said.splitlines()] == [f"{policy}:1:22", f"{policy}:2:1", f"{staff}:1:30"]
    assert "did you mean" in said
    code, told, _ = koi("check", str(policy), "--json")
    assert (code, len([json.loads(line) for line in told.splitlines()])) == (1, 2)


def test_the_schema_is_for_editors(tmp_path: Path) -> None:
    """Printed, or written where somebody wants it."""
    assert koi("schema", "staff")[1] == schema_text("staff")
    code, said, _ = koi("schema", "--write", str(tmp_path / "s.json"))
    assert (code, (tmp_path / "s.json").read_text("utf-8")) == (0, schema_text("policy"))
    assert "written to" in said
