"""What every key of a rule file means, in a sentence or two: shown by editors, and published in the schema."""

from collections.abc import Mapping

MEANINGS: Mapping[str, Mapping[str, str]] = {
    "Ladder": {
        "kind": "A ladder: tiers that customers climb and fall from.",
        "name": 'Name of the ladder. Campaigns ask for it: `tier("community") == "核心"`. Who is renamed begins anew.',
        "mode": "`shadow` decides and writes everything down, but sends nothing.",
        "per": "Name of the customer attribute whose value is the group that every capacity is counted in, such as a city.",
        "tiers": "Lowest first. Everyone starts at the lowest, which has no conditions.",
        "on_jump": "Messages about jumps; every entry that fits sends its own.",
    },
    "Tier": {
        "name": "Name of the tier.",
        "enter": "All must hold to come in. The lowest tier has none, any other needs it.",
        "leave": "When all hold, the customer falls, once `stay_at_least` has passed. Without it the tier is for life.",
        "stay_at_least": "Nobody falls sooner than this after coming in.",
        "capacity": "At most so many customers; without it there is room for all.",
    },
    "Capacity": {
        "max": "How many customers; with `per`, how many in each group.",
        "rank_by": "The number by which customers are ranked, highest first.",
        "review": "How often the seats are given anew, two minutes after midnight: on every day, every Monday, or the first of the month.",
    },
    "Jump": {
        "from": "Only jumps from this tier.",
        "to": "Only jumps into this tier.",
        "to_lower": "Only falls.",
        "to_higher": "Only climbs.",
        "notify": "The message.",
    },
    "Campaign": {
        "kind": "A campaign: speaks to a customer when something becomes true.",
        "name": "Name of the campaign. Cooldowns and control groups belong to it: one that is renamed begins anew.",
        "mode": "`shadow` decides and writes everything down, but sends nothing.",
        "when": "The campaign begins when all of these become true.",
        "sequence": "Events in order: `cart_add`, then `{no: order.paid, within: 24h}`. With `when`, that must hold, too.",
        "schedule": "The campaign begins at these times, for those for whom `when` holds then.",
        "active": "Days on which the campaign may begin; what is under way on the last of them ends with it.",
        "until": "Ends the campaign while it waits, as soon as all of these hold.",
        "cooldown": "Shortest time between two beginnings for the same customer.",
        "holdout": "Share of customers who get nothing, so that the effect can be measured: always the same ones.",
        "exclusive": "Name of a group of campaigns, of which a customer gets one at a time: the one with the highest priority.",
        "priority": "0 to 100: of several campaigns at one instant, the higher is decided first.",
        "steps": "Messages, waits and gates, one after the other; the last is a message.",
        "goal": "What counts as success. It ends the campaign, too.",
    },
    "Action": {
        "when": "With `notify`, the message is sent only if all hold; alone, the campaign ends here unless all hold.",
        "wait": "Wait so long before the next step. A step of its own.",
        "notify": "Send this message.",
    },
    "Notify": {
        "template": "Name of the text. Or write `variants`.",
        "variants": "Several wordings, of which every customer gets one, and for ever the same, to see which does more.",
        "params": "What the text is told besides: values as they are, or with `=` in front asked of the customer.",
        "channels": "In order of preference: the first that takes the message is used.",
        "category": "What the message is for; consent depends on it. May be left out with `to: owner`.",
        "to": "`customer`, or `owner`: the clerk who looks after the customer.",
        "expires": "Not sent later than this after the decision.",
        "personalised": "`false`: it goes to everybody alike, and so also to those who want nothing personalised.",
    },
    "Variant": {
        "name": "Name of the variant: receipts and reports tell them apart by it.",
        "template": "Name of the text.",
        "share": "Share of the customers who get it. Either all variants have one, which make 100%, or none has.",
        "params": "What this text is told besides; they come before those of the message.",
    },
    "Goal": {
        "event": "The event that is hoped for: an interaction kind, or a type such as `order.paid`.",
        "within": "It counts if it comes within so long after the campaign began.",
    },
    "Period": {
        "from": "First day.",
        "to": "Last day; it is included.",
    },
    "Timing": {
        "every": "Which days: every day, Monday to Friday, one day of the week, or one of the month.",
        "at": "Time of the day, in the customer's business zone.",
        "on": "Day of the month, with `every: month`.",
    },
    "Link": {
        "event": "This event comes next: an interaction kind, or a type such as `order.paid`.",
        "no": "This event does not come, for as long as `within` says. At the end of a sequence only.",
        "within": "How long after the one before at most.",
    },
    "Define": {
        "kind": "Facts: names for conditions, which other rules of the set may ask for. May be left out.",
        "define": "Name of each fact, and the conditions that must all hold for it.",
    },
}
"""By model, then by key."""

CONDITION = """\
One condition: an expression such as `recency_days >= 45d and f >= 4`, a block `any:` of which one must hold, or a block
`not:` of which not all may hold. `koi features` lists what may be asked."""
