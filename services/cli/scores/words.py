"""What segments are called and what they mean, for a person who plans a campaign."""

from typing import NamedTuple

from services.contracts.profile import Octant, RfSegment


class Words(NamedTuple):
    """`name` and `means_zh` are Chinese."""

    name: str
    means_zh: str
    means: str


OCTANTS = {
    Octant.CHAMPION: Words("重要价值", "最近买过，买得勤，花得多", "bought recently, often and for much: the best"),
    Octant.DEVELOP: Words(
        "重要发展", "最近买过，花得多，但买得少", "recently and for much, but rarely: let them come more often"
    ),
    Octant.KEEP: Words("重要保持", "买得勤，花得多，但最近没来", "often and for much, now silent: call them back"),
    Octant.RETAIN: Words("重要挽留", "花得多，但买得少，也久未来", "for much, rarely, and long ago: about to be lost"),
    Octant.GENERAL_VALUE: Words(
        "一般价值", "最近买过，买得勤，每次花得少", "recently and often, for little: offer them more"
    ),
    Octant.GENERAL_DEVELOP: Words(
        "一般发展", "最近买过，次数少，金额小", "recently, rarely and for little: mostly new"
    ),
    Octant.GENERAL_KEEP: Words("一般保持", "买得勤，花得少，最近没来", "often and for little, now silent"),
    Octant.GENERAL_RETAIN: Words("一般挽留", "买得少，花得少，久未来", "rarely, for little, long ago"),
}

SEGMENTS = {
    RfSegment.CHAMPIONS: Words("冠军客户", "刚买过，而且买得最勤", "bought just now, and often: thank them"),
    RfSegment.LOYAL: Words("忠诚客户", "经常购买，近期来过", "buy often: keep them close"),
    RfSegment.POTENTIAL_LOYALISTS: Words("潜力客户", "近期来过，买过几次", "came recently, and again: offer a membership"),
    RfSegment.NEW: Words("新客户", "刚刚开始购买", "began just now: welcome them"),
    RfSegment.PROMISING: Words("有望客户", "不久前买过，次数还少", "began not long ago: give them a reason for a second order"),
    RfSegment.NEED_ATTENTION: Words("需要关注", "不早不晚，开始变淡", "in the middle of everything, and cooling: remind them"),
    RfSegment.ABOUT_TO_SLEEP: Words("即将沉睡", "买得少，有一阵没来", "rarely, and a while ago: remind them before they forget"),
    RfSegment.AT_RISK: Words("流失风险", "以前常来，很久没买", "came several times, long ago: win them back"),
    RfSegment.CANT_LOSE: Words("不能失去", "以前买得最勤，很久没来", "bought the most often, long ago: call them in person"),
    RfSegment.HIBERNATING: Words("沉睡客户", "买得少，很久没来", "rarely, long ago: cheap channels only"),
}  # fmt: skip
