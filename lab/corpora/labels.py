"""How the rival corpora are called in tables and figures."""

LABELS = {
    "none": "no pre-training",
    "web": "raw web",
    "iteration_1": "mined, iteration 1",
    "final": "mined, last iteration",
    "final_en": "its English half",
    "arxiv": "papers in LaTeX",
    "general": "general text",
    "code": "code",
    "general_then_final": "general text, then mined",
    "code_then_final": "code, then mined",
}
BASE = "@base"  # after a benchmark's name: the base model, before fine-tuning
