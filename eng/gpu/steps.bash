# Steps of a run on a GPU machine, and their results as JSON; sourced by run-on-gpu. Needs bash and coreutils, no python, no jq.
#
# $out is the folder of results. A step leaves steps/NAME.out, steps/NAME.err and, last, steps/NAME.json, which appears whole or not
# at all; summary.json and bench.json are put together anew from these after each step. A run that is killed at any moment has lost
# the step at hand alone, and the next call goes on behind it.

# A text as a JSON string: printable ASCII only, at most 2,000 characters, as nvidia-smi, Python and the engine may print anything.
json_string() {
    local text
    text=$(printf '%s' "$1" | LC_ALL=C tr '\t\r\n' '   ' | LC_ALL=C tr -cd '\040-\176') || return
    text=${text:0:2000}
    text=${text//\\/\\\\}
    printf '"%s"' "${text//\"/\\\"}"
}

json_string_or_null() {
    if [[ -n $1 ]]; then json_string "$1"; else printf 'null'; fi
}

# The last line of a file that has more than white space.
last_line() {
    [[ ! -f $1 ]] || grep -v '^[[:space:]]*$' "$1" | tail -n 1
}

is_json_object() {
    [[ $1 == '{'*'}' ]]
}

# write_whole FILE TEXT: the text becomes the file at once, so that nobody finds half of it. Not from a pipe: where a kill takes what
# writes into the pipe first, its reader would take that for the end, and rename half a file.
write_whole() {
    printf '%s\n' "$2" >"$1.part" && mv -f "$1.part" "$1"
}

running=
failures=0

# record NAME COMMAND RC SECONDS LAST_LINE [RESULT]: RESULT is a JSON object, what the step measured.
record() {
    printf '%s\n' "$1" >>"$out/steps/order"
    local name line last text
    { name=$(json_string "$1") && line=$(json_string "$2") && last=$(json_string "$5"); } || return # a kill took the one that made it
    printf -v text '{"name":%s,"command":%s,"rc":%s,"seconds":%s,"last_line":%s%s}' "$name" "$line" "$3" "$4" "$last" "${6:+,\"result\":$6}"
    write_whole "$out/steps/$1.json" "$text"
    [[ ! -f $out/environment.json ]] || write_results false
}

# Whether a step is among those asked for; a plan defines its own.
is_wanted() {
    return 0
}

# step NAME TIMEOUT_SECONDS COMMAND...: standard output goes to steps/NAME.out, standard error to steps/NAME.err.
step() {
    run_step false "$@"
}

# measure NAME TIMEOUT_SECONDS COMMAND...: a step whose last line is a JSON object, which goes into bench.json.
measure() {
    run_step true "$@"
}

run_step() {
    local is_measurement=$1 name=$2 limit=$3 rc started seconds text last result=
    is_wanted "$name" || return 0
    shift 3
    text=$(printf '%q ' "$@")
    printf '%s: %s\n' "$name" "$text"
    started=$(date +%s%N)
    # In the background, as the shell would not hear of Ctrl-C before a foreground step's end.
    timeout --kill-after=15 "$limit" "$@" >"$out/steps/$name.out" 2>"$out/steps/$name.err" </dev/null &
    running=$!
    wait "$running"
    rc=$?
    running=
    seconds=$((($(date +%s%N) - started) / 1000000))
    seconds=$(printf '%d.%03d' $((seconds / 1000)) $((seconds % 1000)))
    last=$(last_line "$out/steps/$name.out")
    if ((rc != 0)); then
        ((failures += 1))
        last=$(last_line "$out/steps/$name.err")
        [[ -n $last ]] || last=$(last_line "$out/steps/$name.out")
        ((rc != 124 && rc != 137)) || last="no end after $limit seconds; $last"
    elif [[ $is_measurement == true ]] && is_json_object "$last"; then
        result=$last
    fi
    printf '    rc %s after %s s: %.200s\n' "$rc" "$seconds" "$last"
    record "$name" "${text% }" "$rc" "$seconds" "$last" "$result"
    return "$rc"
}

# skip NAME REASON
skip() {
    is_wanted "$1" || return 0
    printf '%s: skipped: %s\n' "$1" "$2"
    record "$1" "" null 0 "skipped: $2"
}

# The precisions that a subcommand offers; the empty word where it has no such option and computes in fp32.
precisions_of() {
    local offered
    offered=$("$engine" "$1" --help 2>/dev/null | sed -n 's/.*--precision <\([a-z0-9|]*\)>.*/\1/p' | head -n 1)
    printf '%s\n' "${offered:-none}" | tr '|' '\n'
}

# Whether a subcommand has an option.
offers() {
    "$engine" "$1" --help 2>/dev/null | grep -e "$2" >/dev/null
}

write_environment() {
    local gpu driver doctor bundle text
    gpu=$(nvidia-smi --query-gpu=name --format=csv,noheader 2>/dev/null | head -n 1)
    driver=$(nvidia-smi --query-gpu=driver_version --format=csv,noheader 2>/dev/null | head -n 1)
    bundle=$(cat "$here/bundle.json" 2>/dev/null)
    doctor=$(last_line "$out/steps/doctor.out")
    is_json_object "$bundle" || bundle=null
    is_json_object "$doctor" || doctor=null
    printf -v text '{"gpu":%s,"driver":%s,"torch":%s,"date":"%s","command":%s,"cuda_path":%s,"engine":%s,"doctor":%s}' \
        "$(json_string_or_null "$gpu")" "$(json_string_or_null "$driver")" "$(json_string_or_null "$torch")" "$date" \
        "$(json_string "$command")" "$(json_string_or_null "${ENGINE_CUDA_PATH:-}")" "$bundle" "$doctor"
    write_whole "$out/environment.json" "$text"
}

# The JSON of all steps so far, in their order.
recorded_steps() {
    local name
    [[ ! -f $out/steps/order ]] || while IFS= read -r name; do
        [[ ! -f $out/steps/$name.json ]] || cat "$out/steps/$name.json"
    done < <(awk '!seen[$0]++' "$out/steps/order")
}

# write_results COMPLETED
write_results() {
    local separator='' steps='' results='' line failed=0 text
    while IFS= read -r line; do
        steps+=$separator$'\n  '$line
        separator=,
        [[ $line =~ ^\{\"name\":\"[^\"]*\",\"command\":.*\"rc\":(0|null), ]] || ((failed += 1))
        if [[ $line == *',"result":{'* ]]; then
            [[ $line =~ ^\{\"name\":(\"[^\"]*\") ]]
            results+=${results:+,}$'\n  {"step":'${BASH_REMATCH[1]}',"result":'${line#*,\"result\":}
        fi
    done < <(recorded_steps)
    write_whole "$out/bench.json" "{\"environment\":$(cat "$out/environment.json"),\"results\":[$results]}"
    printf -v text '{"date":"%s","finished":"%s","command":%s,"completed":%s,"failures":%s,"steps":[%s]}' \
        "$date" "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$(json_string "$command")" "$1" "$failed" "$steps"
    write_whole "$out/summary.json" "$text"
}

tell_summary() {
    printf '%s steps, %s failed: %s\n' "$(recorded_steps | wc -l)" "$(grep -o '"failures":[0-9]*' "$out/summary.json" | head -n 1 | cut -d: -f2)" "$out/summary.json"
}

# On Ctrl-C what was measured until then is kept.
interrupt() {
    trap - INT TERM
    [[ -z $running ]] || { kill "$running" && wait "$running"; } 2>/dev/null
    [[ -f $out/environment.json ]] || write_environment
    write_results false
    tell_summary
    exit 130
}

# --- what this machine has -----------------------------------------------------------------------------------------------

# Sets date, torch, sanitizer and profiler, and the environment that the engine and PyTorch run in.
examine_machine() {
    local packages=() libraries=() folder library
    date=$(date -u +%Y-%m-%dT%H:%M:%SZ)
    torch=
    if command -v python3 >/dev/null; then
        while IFS= read -r folder; do
            [[ -d $folder/nvidia ]] && packages+=("$folder/nvidia")
        done < <(python3 -c 'import site, sys; print("\n".join(dict.fromkeys(sys.path[1:] + site.getsitepackages() + [site.getusersitepackages()])))' 2>/dev/null)
        torch=$(timeout 120 python3 -c 'import torch; print(torch.__version__)' 2>/dev/null | tail -n 1)
    fi

    for folder in ${packages[@]+"${packages[@]}"}; do
        for library in "$folder"/*/lib; do
            [[ -d $library ]] && libraries+=("$library")
        done
    done
    [[ -d /usr/local/cuda/lib64 ]] && libraries+=(/usr/local/cuda/lib64)
    if ((${#libraries[@]})); then
        ENGINE_CUDA_PATH=${ENGINE_CUDA_PATH:+$ENGINE_CUDA_PATH:}$(IFS=:; printf '%s' "${libraries[*]}")
        export ENGINE_CUDA_PATH
    fi

    # Nothing is left outside OUT_DIR, and no kernels of an earlier build are used; torch.compile's second round finds its first one's.
    export ENGINE_CACHE=${ENGINE_CACHE:-$out/cache} TORCHINDUCTOR_CACHE_DIR=${TORCHINDUCTOR_CACHE_DIR:-$out/cache/inductor}
    export PYTHONDONTWRITEBYTECODE=1

    sanitizer=$(find_tool compute-sanitizer ${packages[@]+"${packages[@]}"})
    profiler=$(find_tool ncu ${packages[@]+"${packages[@]}"})
}

# find_tool NAME FOLDER...: on the PATH, in a toolkit, or in one of the folders.
find_tool() {
    local name=$1 folder
    shift
    command -v "$name" && return 0
    for folder in /usr/local/cuda*/bin /opt/nvidia "$@"; do
        [[ -d $folder ]] || continue
        find "$folder" -name "$name" -type f -perm -u+x 2>/dev/null | head -n 1 | grep . && return 0
    done
    return 0
}

# --- kernel times --------------------------------------------------------------------------------------------------------

# Sets tracer to kernel-times.c, compiled for the CUPTI at hand; to nothing where there is no CUPTI or no C compiler.
build_tracer() {
    local header library record folder
    tracer=
    command -v gcc >/dev/null || return 0
    while IFS= read -r folder; do
        header=$(find "$folder" -name cupti.h 2>/dev/null | head -n 1)
        [[ -n $header ]] && break
    done < <(tr ':' '\n' <<<"${ENGINE_CUDA_PATH:-}" | sed 's|/lib\(64\)\?$||'; printf '%s\n' /usr/local/cuda/extras/CUPTI)
    [[ -n ${header:-} ]] || return 0
    folder=$(dirname "$header")
    library=$(find "$(dirname "$folder")" -name 'libcupti.so*' 2>/dev/null | sort | head -n 1)
    record=$(grep -ho 'CUpti_ActivityKernel[0-9]*' "$folder/cupti_activity.h" 2>/dev/null | sort -V | tail -n 1)
    [[ -n $library && -n $record ]] || return 0
    gcc -shared -fPIC -O1 "-DKERNEL_RECORD=$record" "-I$folder" -I/usr/local/cuda/include "$here/kernel-times.c" -o "$out/kernel-times.so" \
        "$library" "-Wl,-rpath,$(dirname "$library")" 2>"$out/steps/kernel-times.err" && tracer=$out/kernel-times.so
    return 0
}

# sum_kernel_times NAME: milliseconds and launches of each kernel in steps/NAME.txt, the longest first, in steps/NAME.kernels.
sum_kernel_times() {
    local text
    text=$(awk '{ time = $2 - $1; name = $6; for (i = 7; i <= NF; i++) name = name " " $i; sum[name] += time; count[name]++ }
        END { for (name in sum) printf "%.4f %d %s\n", sum[name] / 1e6, count[name], name }' "$out/steps/$1.txt" | sort -rn)
    write_whole "$out/steps/$1.kernels" "$text"
    gzip -f "$out/steps/$1.txt"
}
