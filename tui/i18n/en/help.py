"""Definitions of the numbers, and the help's paragraphs."""

MESSAGES: dict[str, str] = {
    "figure.cpu": "CPU",
    "figure.cpu.help": "Processor time in use on the whole machine over the last second, in percent of all cores together.",
    "figure.ram": "RAM",
    "figure.ram.help": "Memory in use of all there is, in GiB: total minus what the system says is available to new programs.",
    "figure.swap": "swap",
    "figure.swap.help": "Memory moved to disk. Anything above a little means the model does not fit.",
    "figure.engine": "Engine",
    "figure.engine.help": "What the engine does: starting, loading a model, ready, generating, restarting after a failure, or down.",
    "figure.pss": "PSS",
    "figure.pss.help": "Memory of the engine's processes, in MiB: proportional set size, where a page shared by n processes counts 1/n. RSS where PSS cannot be read.",
    "figure.anon": "anon",
    "figure.anon.help": "The part of it that belongs to no file: KV cache, buffers, copied weights.",
    "figure.file": "file",
    "figure.file.help": "The part of it mapped from files, mostly the model's weights. The system can take it back and read it again.",
    "figure.engine_cpu": "CPU",
    "figure.engine_cpu.help": "Processor time of the engine's processes; 100 % is one core.",
    "figure.context": "ctx",
    "figure.context.help": "Tokens the last answer used (question, history and answer) of the context window.",
    "figure.slots": "slots",
    "figure.slots.help": "Requests the engine answers right now, of those it can answer at the same time.",
    "figure.queue": "queue",
    "figure.queue.help": "Requests waiting for a slot.",
    "figure.tps": "tok/s",
    "figure.tps.help": "Output tokens per second: of the last second while an answer is written, else of the last answer as the engine timed it.",
    "figure.ttft": "TTFT",
    "figure.ttft.help": "Time to first token: from sending the question to the first token of the answer.",
    "figure.answer": "answer",
    "figure.answer.help": "The engine's memory while the last answer was written, from its lowest to its highest value.",
    "figure.peak": "peak",
    "figure.peak.help": "The highest memory of the engine while the last answer was written.",
    "figure.container": "Container",
    "figure.container.help": "Memory of the engine's container and its limit. Not available: the engine does not run in one.",
    "figure.gpu": "GPU",
    "figure.gpu.help": "Graphics processor and its memory. Not available: none was found.",
    "help.chat": (
        "Write below and press Enter. Up on the first line brings back earlier questions. Shift+Tab goes up into the "
        "answers: there, Enter opens a step or a source, y copies, r asks again, t shows the step in the trace. The line "
        "under an answer is its receipt: tokens, speed, time to first token, peak memory of the engine and how much "
        "more that is than before. An answer from documents is checked against them: underlined with ? is what no passage "
        "bears out, with ≠ (x) what a passage says otherwise; ≈ (~) could only be compared in numbers and names, since its source "
        "is in another language. The check compares words, it understands nothing: read the source."
    ),
    "help.resources": "What the machine and the engine do, once a second. ? explains every number.",
    "help.documents": (
        "Your documents and whether they are indexed. Collections hold folders, folders documents; left and right close "
        "and open. Behind a folder: its documents, how many are on their way, changed since they were read, or failed; "
        "behind a document: ✓ and the number of its chunks, or what it is waiting for. "
        "A document that is read again or failed a second time is searched in its old version until the new one is in. "
        "F9 gives the pane the whole screen: the tree at the left, what the cursor is on at the right.\n\n"
        '/ searches as you type. Words find passages by meaning and by word, in the other language too; "words in quotes" '
        "must stand exactly so. path:hr type:pdf,md in:handbook since:2026-01 until:2026-06 since:7d narrow the search; on "
        "their own they narrow the tree. path: takes part of a path, or * and ?. Enter keeps what was found and moves into "
        "it; the document is read at the right place, the best passage with a bar at its side, its scores above (? explains "
        "them). [ and ] go from chunk to chunk, n and N from hit to hit. From a source of an answer, b or Esc goes back "
        "to the answer.\n\n"
        "a adds files and folders; they can also be dropped on the terminal or pasted. While that goes on, p holds it and x "
        "stops it; t lists all jobs. ! lists what failed, with reasons. s looks for files that changed, moved or went."
    ),
    "help.trace": (
        "Every step of every answer: what was asked, which tool ran with what, what the model was sent and how long each "
        "took. Enter, left and right close and open; the details are at the right. From a step you can go on in a fork (f), "
        "replay the run beside the recorded one (p), correct the tool (o) or export (x); a model call can be made again (r), "
        "tried for sameness (d) and copied as curl (c). / filters, e goes to the next failed step; F9 gives the trace the "
        "whole screen where it stands beside the chat."
    ),
    "help.terminal.title": "Terminals",
    "help.terminal": (
        "Select text with Shift and the mouse. If lines do not align in a Korean terminal, set ambiguous width to narrow, "
        'or glyphs_wide = true in the settings. If Hangul does not arrive, kitty_keyboard = "off". After a cut connection, '
        "type reset. Keys are changed with the keymap setting by the ids shown here."
    ),
}
