// Writes down when each kernel of a process began and ended on the GPU, cuDNN's and cuBLAS's too, and inside CUDA graphs: a library
// that the driver loads by itself where CUDA_INJECTION64_PATH names it. Each line of the file that KERNEL_TIMES names is
//
//   begin_ns end_ns registers grid block name
//
// build_tracer in steps.bash compiles it against the CUPTI at hand.
#include <cupti.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

static FILE *times;

static void CUPTIAPI lend(uint8_t **buffer, size_t *size, size_t *most_records)
{
    *size = 8 << 20;
    *most_records = 0;
    *buffer = aligned_alloc(8, *size);
}

static void CUPTIAPI take(CUcontext context, uint32_t stream, uint8_t *buffer, size_t size, size_t filled)
{
    (void)context;
    (void)stream;
    (void)size;
    CUpti_Activity *record = NULL;
    while (cuptiActivityGetNextRecord(buffer, filled, &record) == CUPTI_SUCCESS)
    {
        if (record->kind == CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL)
        {
            const KERNEL_RECORD *kernel = (const KERNEL_RECORD *)record;
            fprintf(times, "%llu %llu %u %dx%dx%d %dx%dx%d %s\n", (unsigned long long)kernel->start, (unsigned long long)kernel->end,
                (unsigned)kernel->registersPerThread, kernel->gridX, kernel->gridY, kernel->gridZ, kernel->blockX, kernel->blockY, kernel->blockZ,
                kernel->name);
        }
    }

    fflush(times);
    free(buffer);
}

static void finish(void)
{
    cuptiActivityFlushAll(1);
    fclose(times);
}

// The driver calls this when it has loaded the library.
int InitializeInjection(void)
{
    const char *path = getenv("KERNEL_TIMES");
    times = path ? fopen(path, "w") : NULL;
    if (!times || cuptiActivityRegisterCallbacks(lend, take) != CUPTI_SUCCESS
        || cuptiActivityEnable(CUPTI_ACTIVITY_KIND_CONCURRENT_KERNEL) != CUPTI_SUCCESS)
    {
        fprintf(stderr, "kernel times: KERNEL_TIMES names no file that can be written, or CUPTI refuses\n");
        return 0;
    }

    atexit(finish);
    return 1;
}
