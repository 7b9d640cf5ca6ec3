# The plan for a machine that is lent for minutes: what tells the most comes first, each step's choice is made from the results of those
# before it, and a step that fails leads to the next way of doing the same. Sourced by run-on-gpu.
#
# The plan may take several calls of the same command: a step whose JSON is in OUT_DIR/steps is not run again. OUT_DIR/lease keeps when
# the lease began (began), what has been chosen (choices), and how often a step was begun (attempts), so that one which takes the whole
# call down with it is left out the third time.

reserve=20 # seconds of a call in which no step runs any more: results are packed
[[ $trial == false ]] || reserve=2
call_began=$(date +%s)
mkdir -p "$out/lease/attempts"
[[ -s $out/lease/began ]] || echo "$call_began" >"$out/lease/began"
lease_ends=$(($(<"$out/lease/began") + lease * 60))

# --- choices -------------------------------------------------------------------------------------------------------------

# choose KEY VALUE: keeps it for the calls to come, and for the reader of the results.
choose() {
    local kept
    kept=$(grep -v "^$1=" "$out/lease/choices" 2>/dev/null)
    write_whole "$out/lease/choices" "${kept:+$kept$'\n'}$1=$2"
    printf '    from now on %s is %s\n' "$1" "$2"
}

# choice KEY DEFAULT
choice() {
    local line
    line=$(grep "^$1=" "$out/lease/choices" 2>/dev/null)
    printf '%s' "${line:+${line#*=}}"
    [[ -n $line ]] || printf '%s' "$2"
}

# --- time ----------------------------------------------------------------------------------------------------------------

seconds_left() {
    local now ends=$((call_began + call - reserve))
    now=$(date +%s)
    ((ends < lease_ends - reserve)) || ends=$((lease_ends - reserve))
    printf '%d' $((ends - now))
}

# A file to carry home: everything but caches and run folders.
pack() {
    # 1 only says that the folder changed meanwhile: this file appeared in it.
    tar -czf "$out/results.tar.gz.part" -C "$out" --exclude='*.part' --exclude=./cache --exclude=./runs --exclude='./results.tar.gz*' . 2>/dev/null
    (($? > 1)) || mv -f "$out/results.tar.gz.part" "$out/results.tar.gz"
}

# end_call COMPLETED EXIT_CODE
end_call() {
    write_results "$1"
    pack
    tell_summary
    trap - INT TERM
    exit "$2"
}

ran=0 # steps of this call

# Whether a step has its result, from this call or an earlier one.
is_done() {
    [[ -f $out/steps/$1.json ]]
}

# Whether a step that is done went well.
went_well() {
    is_done "$1" && grep -F '"rc":0,' "$out/steps/$1.json" >/dev/null
}

# timed KIND NAME NEEDED LIMIT COMMAND...: runs a step unless it is done; KIND is step or measure. NEEDED is the least time in seconds
# that makes it worth beginning: where the call has less left, the call ends; where the lease has less, the step is skipped.
timed() {
    local kind=$1 name=$2 needed=$3 limit=$4 left attempts=0
    shift 4
    [[ $trial == false ]] || needed=1
    if is_done "$name"; then
        went_well "$name"
        return
    fi
    left=$(seconds_left)
    # However short a call is, it takes one step further.
    if ((left < needed && (ran > 0 || $(date +%s) + needed + reserve > lease_ends))); then
        if (($(date +%s) + needed + reserve > lease_ends)); then
            skip "$name" "the lease had $(((lease_ends - $(date +%s)))) s left, and this needs $needed"
            return 1
        fi
        echo "the call's time is up: run the same command again for the steps that are left"
        end_call false 3
    fi
    [[ ! -f $out/lease/attempts/$name ]] || attempts=$(wc -l <"$out/lease/attempts/$name")
    if ((attempts >= 2)); then
        skip "$name" "it was begun twice and took the call down with it both times"
        return 1
    fi
    echo "$call_began" >>"$out/lease/attempts/$name"
    ((ran += 1))
    ((left > needed)) || left=$needed
    ((limit < left)) || limit=$left
    "$kind" "$name" "$limit" "$@"
}

# --- the engine, as it has been found to work ----------------------------------------------------------------------------

# The network, batch and steps of a rate; tiny ones for a trial.
small=(--model resnet20 --batch-size 128)
large=(--model resnet50 --batch-size 256)
rates=(--steps 5 --warmup 3)
bits=(--model resnet20 --epochs 1 --batch-size 32)
if [[ $trial == true ]]; then
    small=(--model resnet8 --batch-size 2)
    large=(--model resnet8 --batch-size 3)
    rates=(--steps 1 --warmup 1)
    bits=(--model resnet8 --epochs 1 --batch-size 240)
fi

has_ways=false
! offers bench --convolutions || has_ways=true

# The ways to compute convolutions, the preferred one first; the empty word where the engine offers no choice.
convolution_ways() {
    local first
    if [[ $has_ways == false ]]; then
        printf 'only\n'
        return
    fi
    first=$(choice convolutions '')
    printf '%s\n' ${first:+"$first"} graph legacy direct | awk '!seen[$0]++'
}

# way_options WAY
way_options() {
    [[ $1 == only ]] || printf '%s\n' --convolutions "$1"
}

# any_way KIND NAME NEEDED LIMIT COMMAND...: the step by the preferred way of convolutions, and, while it fails, by the next one and at
# last without the recorded graph. The way that works is kept for all that follows.
any_way() {
    local kind=$1 name=$2 needed=$3 limit=$4 way preferred suffix=''
    shift 4
    preferred=$(convolution_ways | head -n 1)
    for way in $(convolution_ways); do
        [[ $way == "$preferred" ]] || suffix=-$way
        # shellcheck disable=SC2046 # options are separate words
        if timed "$kind" "$name$suffix" "$needed" "$limit" "$@" $(way_options "$way") $(graph_options "$@"); then
            [[ $way == "$preferred" || $way == only ]] || choose convolutions "$way"
            return 0
        fi
        skipped_for_time "$name$suffix" && return 1
    done
    if [[ -n $(graph_options "$@") || " $* " == *' check '* || $(choice graph on) == off ]]; then
        return 1
    fi
    # shellcheck disable=SC2046
    if timed "$kind" "$name-without-graph" "$needed" "$limit" "$@" $(way_options "$preferred") --graph off; then
        choose graph off
        return 0
    fi
    return 1
}

# graph_options COMMAND...: training steps are not recorded once that has failed.
graph_options() {
    [[ $(choice graph on) == on || " $* " != *' '@(bench|train)' '* || " $* " == *' --kernels '* ]] || printf '%s\n' --graph off
}

skipped_for_time() {
    is_done "$1" && grep -F '"last_line":"skipped: ' "$out/steps/$1.json" >/dev/null
}

# --- minutes 0-2: does it run at all -------------------------------------------------------------------------------------

timed step doctor 5 60 "$engine" doctor --json
[[ -f $out/environment.json ]] || write_environment
write_results false

precisions=()
for precision in bf16 fp16 fp32; do
    precisions_of bench | grep -x "$precision" >/dev/null && precisions+=("$precision")
done
((${#precisions[@]})) || precisions=(fp32)

# Each launch is waited for, and the message names the kernel at fault. The first precision that works is the main one.
main=
for precision in "${precisions[@]}"; do
    if any_way measure "first-steps-$precision" 10 60 env ENGINE_CUDA_SYNC=1 "$engine" bench "${small[@]}" --device cuda --precision "$precision" --steps 1 --warmup 0 --json; then
        main=$precision
        break
    fi
done
if [[ -n $main ]]; then
    choose precision "$main"
else
    main=$(choice precision "${precisions[0]}")
    echo "no precision runs: the rest shows why, and what PyTorch does here"
fi
setup=(--device cuda --precision "$main")

# What cuDNN chose for resnet50's convolutions, and what was recorded or predicted for them elsewhere.
if offers bench --predict; then
    timed measure predicted-large 5 60 "$engine" bench "${large[@]}" --precision "$main" --predict h100 --json
    timed measure predicted-small 5 60 "$engine" bench "${small[@]}" --precision "$main" --predict h100 --json
fi
any_way measure first-graph 10 90 "$engine" bench "${small[@]}" "${setup[@]}" --steps 1 --warmup 1 --json

# --- minutes 2-5: is it right --------------------------------------------------------------------------------------------

for precision in "${precisions[@]}"; do
    any_way step "check-$precision-Convolution" 15 150 "$engine" check --device cuda --precision "$precision" --only Convolution --json
    timed step "check-$precision-BatchNorm" 15 150 "$engine" check --device cuda --precision "$precision" --only BatchNorm --json
done

# Two processes, the second one reading the plans that the first one kept: the same weights to the last bit.
for round in 1 2; do
    folder=$out/runs/bits-$round-$call_began # a call that was killed may have left one
    any_way step "bits-$round" 10 90 "$engine" train --data digits "${bits[@]}" "${setup[@]}" --out "$folder" --json
    [[ ! -f $folder/weights.safetensors ]] || choose "bits-$round" "$folder/weights.safetensors"
done
timed step bits-equal 2 20 cmp "$(choice bits-1 none)" "$(choice bits-2 none)"
pack

# --- minutes 5-9: the headline -------------------------------------------------------------------------------------------

peer_problem=
[[ -n $torch ]] || peer_problem="python3 has no torch"
[[ -f $here/peers/torch_bench.py ]] || peer_problem="the bundle was made without --peers"

# theirs NAME NEEDED LIMIT OPTIONS...
theirs() {
    local name=$1 needed=$2 limit=$3
    shift 3
    if [[ -n $peer_problem ]]; then
        is_done "$name" || skip "$name" "$peer_problem"
        return
    fi
    timed measure "$name" "$needed" "$limit" python3 "$here/peers/torch_bench.py" --mode train --device cuda "${rates[@]}" "$@"
}

# rates_of NAME ROUND NETWORK...: ours by each way that works, then PyTorch's eager mode and torch.compile's default.
rates_of() {
    local name=$1 round=$2 precision
    shift 2
    any_way measure "$name-engine-$main-$round" 20 150 "$engine" bench "$@" "${setup[@]}" "${rates[@]}" --json
    theirs "$name-torch-$round" 20 120 "$@" --precision "${main/fp16/bf16}"
    ((round == 1)) || return 0
    for precision in "${precisions[@]}"; do
        [[ $precision == "$main" || $precision == fp32 ]] || any_way measure "$name-engine-$precision-$round" 20 120 "$engine" bench "$@" --device cuda --precision "$precision" "${rates[@]}" --json
    done
    theirs "$name-torch-compile-$round" 60 200 "$@" --precision "${main/fp16/bf16}" --compile default
    if [[ $(convolution_ways | head -n 1) == graph ]]; then
        timed measure "$name-engine-$main-legacy-$round" 20 120 "$engine" bench "$@" "${setup[@]}" "${rates[@]}" --convolutions legacy --json
    fi
}

rates_of resnet50 1 "${large[@]}"
pack

# --- minutes 9-13: the small network -------------------------------------------------------------------------------------

rates_of resnet20 1 "${small[@]}"
theirs resnet20-torch-reduce-overhead-1 60 200 "${small[@]}" --precision "${main/fp16/bf16}" --compile reduce-overhead

# --- minutes 13-17: our kernels beside a copy, the winners chosen, and the large network with them ---------------------------

kernels=(--kernels --steps 20)
[[ $trial == false ]] || kernels=(--kernels --batch-size 1 --steps 1)
timed measure "kernels-$main" 15 120 "$engine" bench "${kernels[@]}" "${setup[@]}" --json
if went_well "kernels-$main"; then
    winners=$(last_line "$out/steps/kernels-$main.out" | sed -n 's/.*"winners":"\([a-z0-9_=,]*\)".*/\1/p')
    if [[ -n $winners ]]; then
        [[ $(choice kernels '') == "$winners" ]] || choose kernels "$winners"
        any_way measure "resnet50-engine-$main-winners" 20 120 env "ENGINE_KERNELS=$winners" "$engine" bench "${large[@]}" "${setup[@]}" "${rates[@]}" --json
    fi
fi
[[ $main == fp32 ]] || timed measure kernels-fp32 15 120 "$engine" bench "${kernels[@]}" --device cuda --precision fp32 --json

# --- minutes 17-20: where a step's time goes -----------------------------------------------------------------------------

# Every kernel of some replayed steps with its time, cuDNN's too, by CUPTI; then the longest of ours in detail, with the clocks as they are.
build_tracer
# shellcheck disable=SC2207 # options are single words
way=($(way_options "$(convolution_ways | head -n 1)"))
for name in large small; do
    declare -n network=$name
    if [[ -z $tracer ]]; then
        is_done "times-$name" || skip "times-$name" "there is no CUPTI, or no C compiler"
        continue
    fi
    timed measure "times-$name" 10 60 env "CUDA_INJECTION64_PATH=$tracer" "KERNEL_TIMES=$out/steps/times-$name.txt" \
        "$engine" bench "${network[@]}" "${setup[@]}" --steps 1 --warmup 2 ${way[@]+"${way[@]}"} --json && sum_kernel_times "times-$name"
done
if [[ -n $profiler ]]; then
    timed step profile-large 40 60 "$profiler" --csv --page raw --clock-control none --section SpeedOfLight --section MemoryWorkloadAnalysis \
        --section Occupancy --kernel-name 'regex:^(bn_|sgd_step|max_pool|add_relu)' --launch-skip 200 --launch-count 24 \
        "$engine" bench "${large[@]}" "${setup[@]}" --steps 1 --warmup 1 --graph off ${way[@]+"${way[@]}"} --json
else
    is_done profile-large || skip profile-large "there is no ncu"
fi

# --- minutes 20-24: compute-sanitizer over our own kernels -------------------------------------------------------------------

for tool in memcheck racecheck; do
    if [[ -z $sanitizer ]]; then
        is_done "sanitizer-$tool" || skip "sanitizer-$tool" "there is no compute-sanitizer"
        continue
    fi
    for selection in BatchNormTraining BatchNormBackward MaxPool SgdStep; do
        timed step "sanitizer-$tool-$selection" 15 60 "$sanitizer" --tool "$tool" --report-api-errors no --error-exitcode 99 "$engine" check --device cuda --only "$selection" --json
    done
done

# --- minutes 24-28: PyTorch at its best, a second round, the rest of the contract ----------------------------------------------

theirs resnet50-torch-max-autotune-1 60 240 "${large[@]}" --precision "${main/fp16/bf16}" --compile max-autotune
rates_of resnet50 2 "${large[@]}"
rates_of resnet20 2 "${small[@]}"
for precision in "${precisions[@]}"; do
    # shellcheck disable=SC2046
    timed step "check-$precision" 30 300 "$engine" check --device cuda --precision "$precision" $(way_options "$(convolution_ways | head -n 1)") --json
done

write_results true
pack
tell_summary
failures=$(grep -o '"failures":[0-9]*' "$out/summary.json" | head -n 1 | cut -d: -f2)
