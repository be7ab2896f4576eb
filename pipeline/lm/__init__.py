"""The language model: its folder, tokenizer, prompts, training, log-probabilities and sampling."""
