#!/bin/sh
# Builds the emulator: build.sh OUTPUT_FOLDER KERNELS_CU
# In OUTPUT_FOLDER: the emulated libraries and each module three times (checked, fast, and contracted as by NVCC); in OUTPUT_FOLDER/asan: all under AddressSanitizer.
set -e
output=$1
kernels=$(cd "$(dirname "$2")" && pwd)/$(basename "$2")
here=$(cd "$(dirname "$0")" && pwd)
if ! command -v g++ >/dev/null; then
    echo "error: the tests of the CUDA device need a C++ compiler: apt install g++" >&2
    exit 1
fi

warnings="-Wall -Wextra -Wno-maybe-uninitialized"

libraries() { # FOLDER OPTIONS
    folder=$1
    options="-std=c++17 $warnings -fPIC -fvisibility=hidden -I$here $2"
    mkdir -p "$folder"
    g++ $options -shared -Wl,-soname,libcuda.so.1 -Wl,-Bsymbolic "-DEMULATOR_FOLDER=\"$here\"" -o "$folder/libcuda.so.1" \
        "$here/memory.cpp" "$here/execution.cpp" "$here/launches.cpp" "$here/checks.cpp" "$here/streams.cpp" "$here/graphs.cpp" \
        "$here/modules.cpp" "$here/compiling.cpp" "$here/driver.cpp" "$here/errors.cpp" "$here/settings.cpp" "$here/trace.cpp" "$here/devices.cpp" "$here/libraries.cpp" -ldl
    g++ $options -shared -Wl,-soname,libnvrtc.so.12 -Wl,-rpath,'$ORIGIN' -o "$folder/libnvrtc.so.12" "$here/nvrtc.cpp" "$folder/libcuda.so.1"
    g++ $options -shared -Wl,-soname,libcublas.so.12 -Wl,-rpath,'$ORIGIN' -o "$folder/libcublas.so.12" "$here/cublas.cpp" "$folder/libcuda.so.1"
    g++ $options -shared -Wl,-soname,libcudnn.so.9 -Wl,-rpath,'$ORIGIN' "-DEMULATOR_FACTS=\"$here/../Facts/plans\"" \
        -o "$folder/libcudnn.so.9" "$here"/cudnn*.cpp "$folder/libcuda.so.1"
    # For ENGINE_EMULATOR_FAIL: which functions there are.
    nm -D --defined-only "$folder"/lib*.so* | awk '$2 == "T" { print $3 }' | grep -E '^(cu|nvrtc)' > "$folder/entry_points.txt"
}

module() { # FOLDER NAME KIND SOURCE COMPILE_OPTIONS LINK_OPTIONS
    g++ -std=c++17 $warnings -Wno-unknown-pragmas -fPIC -I"$here" "-DEMULATOR_SOURCE=\"$4\"" $5 -c -o "$1/module_$2_$3.o" "$here/module.cpp"
    g++ -shared -Wl,-Bsymbolic -Wl,-rpath,'$ORIGIN' $6 -o "$1/module_$2_$3.so" "$1/module_$2_$3.o" "$1/libcuda.so.1"
    rm "$1/module_$2_$3.o"
}

# The checked modules call the functions of checks.cpp, not ThreadSanitizer's own: they are not linked with it.
checked="-O1 -fsanitize=thread -fsanitize=alignment --param tsan-distinguish-volatile=0"
modules() { # KIND FOLDER COMPILE_OPTIONS LINK_OPTIONS
    module "$2" kernels "$1" "$kernels" "$3" "$4"
    module "$2" planted "$1" "$here/planted.cu" "$3" "$4"
}

libraries "$output" "-O2" & plain=$!
libraries "$output/asan" "-O1 -g -fsanitize=address" & asan=$!
wait $plain
wait $asan
modules checked "$output" "$checked" "" & checked_job=$!
modules fast "$output" "-O2" "" & fast_job=$!
# NVCC joins a product and a sum into one operation that rounds once. Here it does so where the CPU has such an operation.
fused=
[ "$(uname -m)" != x86_64 ] || ! grep -qw fma /proc/cpuinfo || fused=-mfma
modules contracted "$output" "-O2 $fused -ffp-contract=fast" "" & contracted_job=$!
modules fast "$output/asan" "-O1 -g -fsanitize=address" "-fsanitize=address"
wait $checked_job
wait $fast_job
wait $contracted_job
