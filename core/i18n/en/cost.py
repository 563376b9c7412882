"""English messages of costs."""

MESSAGES: dict[str, str] = {
    "cli.help.cost": "what was spent: tokens, seconds, energy, US dollars",
    "cli.help.cost_session": "one session; without it, everything recorded here",
    "cost.everything": "Everything recorded here",
    "cost.untitled": "untitled",
    "cost.tokens": "{read:token|tokens} read, {written} written",
    "cost.seconds": "{seconds} s of the engine's work",
    "cost.energy.metered": "{wh} Wh by meter (the whole machine while the engine worked)",
    "cost.energy.assumed": "{wh} Wh at the {watts} W of the settings",
    "cost.energy.none": "Energy N/A: no meter can be read here and the setting power_w is not set",
    "cost.local": "{usd} on this machine (power and hardware by the settings, as if it worked all the time)",
    "cost.local.none": "Cost on this machine N/A: set power_price (USD per kWh, with power_w) or hardware_price (USD)",
    "cost.hosted": "The same tokens at hosted models, US dollars (price list of genai-prices, newest entry {date}):",
    "cost.unknown": "No price known for: {models} (setting compare_prices)",
}
