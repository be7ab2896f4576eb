#!/bin/sh
# The numerical tests as processors of other kinds round: with the vector instructions of every
# machine (default), of most (avx2), and of this one; on 1 and 2 threads; next to 4 busy processes.
set -u
PYTHON=${PYTHON:-python}
TESTS="tests/test_rl_*.py tests/test_reward_model.py tests/test_train.py tests/test_generate.py tests/test_flops.py"
failed=""

check() { # NAME, then variables for the environment
    name=$1
    shift
    echo "== $name"
    # $TESTS is a list of patterns
    # shellcheck disable=SC2086
    env "$@" "$PYTHON" -m pytest -q -p no:cacheprovider -m "not slow and not gpu and not vllm" $TESTS ||
        failed="$failed; $name"
}

for capability in default avx2 native; do
    for threads in 1 2; do
        if [ $capability = native ]; then
            check "$threads threads, instructions as found" OMP_NUM_THREADS=$threads DSM_TEST_THREADS=$threads
        else
            check "$threads threads, $capability" OMP_NUM_THREADS=$threads DSM_TEST_THREADS=$threads ATEN_CPU_CAPABILITY=$capability
        fi
    done
done

busy=""
for _ in 1 2 3 4; do
    "$PYTHON" -c "while True: pass" &
    busy="$busy $!"
done
trap 'kill $busy 2>/dev/null' EXIT INT TERM
check "next to 4 busy processes" OMP_NUM_THREADS=1 DSM_TEST_THREADS=1

if [ -n "$failed" ]; then
    echo "failed:${failed#;}"
    exit 1
fi
echo "passed with every setting"
