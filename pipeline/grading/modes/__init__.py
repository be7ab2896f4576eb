"""The two ways to judge: `strict`, ours, and `deepseek`, the scorer of the paper."""
