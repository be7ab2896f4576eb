"""Reward models (section 4.1): their labels, the model, its training, how well it judges, its
update in iterative RL.
"""
