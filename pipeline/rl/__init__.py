"""The unified paradigm (section 5.2, Table 10) as code: who answers, who judges, how hard each
token is pushed.

`data_source` x `reward_function` x `gradient_coefficient`, multiplied by `loop`; an arm
(conf/rl/<name>.yaml) is one row.
"""
