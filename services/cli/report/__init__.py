"""Reports: one HTML file that opens anywhere, without a network, with pictures and the numbers behind them.

Page("A year", [Section("Tiers", [Chart("Customers", charts.bars(...))])]).write(path)
"""

from services.cli.report.blocks import Chart, Check, Figure, Figures, Stories, Story, StoryStep, Table
from services.cli.report.page import Page, Section

__all__ = ["Chart", "Check", "Figure", "Figures", "Page", "Section", "Stories", "Story", "StoryStep", "Table"]
