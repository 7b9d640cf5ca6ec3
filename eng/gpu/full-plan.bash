# The whole plan of run-on-gpu: verification, training, rates beside PyTorch, sanitizers; an hour or more. Sourced by run-on-gpu.

# --- verification --------------------------------------------------------------------------------------------------------

step doctor 120 "$engine" doctor --json
write_environment

for precision in $(precisions_of check); do
    if [[ $precision == none ]]; then
        step check-fp32 900 "$engine" check --device cuda --json
    else
        step "check-$precision" 900 "$engine" check --device cuda --precision "$precision" --json
    fi
done

# --- training ------------------------------------------------------------------------------------------------------------

for precision in $(precisions_of train); do
    name=${precision/none/fp32}
    option=(--precision "$precision")
    [[ $precision != none ]] || option=()
    step "train-digits-$name" 600 "$engine" train --data digits --device cuda ${option[@]+"${option[@]}"} --out "$out/runs/digits-$name" --json
    if [[ -n ${ENGINE_CIFAR10:-} ]]; then
        epochs=10
        [[ $quick == false ]] || epochs=1
        recipe=(--data cifar10 --data-dir "$ENGINE_CIFAR10" --device cuda --model resnet20 --epochs "$epochs" --batch-size 128 --lr 0.1)
        step "train-cifar10-$name" 1800 "$engine" train "${recipe[@]}" --schedule cosine ${option[@]+"${option[@]}"} --out "$out/runs/cifar10-$name" --json
    else
        skip "train-cifar10-$name" "ENGINE_CIFAR10 names no folder with CIFAR-10"
    fi
done
if [[ -n ${ENGINE_CIFAR10:-} && -n $torch && -f $here/peers/torch_train.py ]]; then
    # The recipe is the script's own: SGD with momentum, weight decay 1e-4, cosine schedule, crops and mirroring.
    step train-cifar10-torch 3600 python3 "$here/peers/torch_train.py" "${recipe[@]}"
fi

# --- rates, interleaved so that all sides see the same clocks and temperatures -------------------------------------------

peer_problem=
[[ -n $torch ]] || peer_problem="python3 has no torch"
[[ -f $here/peers/torch_bench.py ]] || peer_problem="the bundle was made without --peers"

networks=("resnet20 128" "resnet50 256")
modes=(train infer)
rounds=(1 2)
if [[ $quick == true ]]; then
    networks=("resnet20 128")
    modes=(train)
    rounds=(1)
fi
for network in "${networks[@]}"; do
    read -r model batch <<<"$network"
    for mode in "${modes[@]}"; do
        for precision in $(precisions_of bench); do
            setup=(--model "$model" --batch-size "$batch" --mode "$mode" --device cuda --steps 20 --warmup 10)
            ours=("${setup[@]}")
            [[ $precision == none ]] || ours+=(--precision "$precision")
            theirs=("${setup[@]}" --precision "${precision/none/fp32}")
            for round in "${rounds[@]}"; do
                name=bench-$model-$mode-${precision/none/fp32}
                measure "$name-engine-$round" 600 "$engine" bench "${ours[@]}" --json
                if [[ -n $peer_problem ]]; then
                    skip "$name-torch-$round" "$peer_problem"
                    continue
                fi
                measure "$name-torch-$round" 600 python3 "$here/peers/torch_bench.py" "${theirs[@]}"
                if [[ $quick == false ]]; then
                    measure "$name-torch-compile-$round" 1800 python3 "$here/peers/torch_bench.py" "${theirs[@]}" --compile max-autotune
                fi
            done
        done
    done
done

# Our own kernels beside a device-to-device copy of the same run; a step without its graph; batch norm by cuDNN.
for precision in fp32 bf16; do
    measure "kernels-$precision" 600 "$engine" bench --kernels --device cuda --precision "$precision" --steps 20 --json
    [[ $quick == false ]] || continue
    for network in "${networks[@]}"; do
        read -r model batch <<<"$network"
        setup=(--model "$model" --batch-size "$batch" --mode train --device cuda --precision "$precision" --steps 20 --warmup 10)
        measure "bench-$model-train-$precision-engine-without-graph" 600 "$engine" bench "${setup[@]}" --graph off --json
        measure "bench-$model-train-$precision-engine-cudnn-batch-norm" 600 "$engine" bench "${setup[@]}" --batch-norm cudnn --json
    done
done
if [[ $quick == false ]]; then
    # 10,000 steps or more, recorded and not: no memory may be taken from the driver meanwhile.
    for graph in on off; do
        name=bench-long-graph-$graph
        measure "$name" 1800 "$engine" bench --model resnet20 --batch-size 128 --mode train --device cuda --steps 1000 --graph "$graph" --json
        if [[ -s $out/steps/$name.out ]]; then
            step "$name-memory" 10 grep -o '"native_allocations":0,' "$out/steps/$name.out"
        fi
    done
fi

# --- compute-sanitizer, on our own kernels -------------------------------------------------------------------------------

# By default the tools also count every driver call that returns an error, and some are meant to: the bindings ask for a kernel's
# parameters until cuFuncGetParamInfo says that there are no more, and NVIDIA's libraries probe for functions. The engine checks
# every status itself (Compute Sanitizer's manual, --report-api-errors).
selections=(AddRelu BatchNorm GroupNorm PadSubsample Pool PrepareImages Reduce SgdStep SoftmaxCrossEntropy TopKCount)
[[ $quick == false ]] || selections=(SoftmaxCrossEntropy)
for tool in memcheck racecheck initcheck; do
    if [[ -z $sanitizer ]]; then
        skip "sanitizer-$tool" "there is no compute-sanitizer (it comes with CUDA toolkits and with pip's nvidia-cuda-sanitizer-api packages)"
        continue
    fi
    for selection in "${selections[@]}"; do
        step "sanitizer-$tool-$selection" 900 "$sanitizer" --tool "$tool" --report-api-errors no --error-exitcode 99 "$engine" check --device cuda --only "$selection" --json
    done
done

write_results true
tell_summary
