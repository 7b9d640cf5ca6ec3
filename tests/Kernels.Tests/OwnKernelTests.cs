using System.Reflection;

namespace Engine.Kernels.Tests;

/// <summary>A program's own kernels, compiled at run time for the emulated GPU.</summary>
[Collection("emulator")]
public sealed class OwnKernelTests() : EmulatorTest
{
    private const string Source = """
        // Kernels of a program's own. "extern" /* in comments */ means nothing.
        extern "C" __global__ void add(const float* x, float* y, int n, float by)
        {
            int i = blockIdx.x * blockDim.x + threadIdx.x;
            if (i < n)
            {
                y[i] = x[i] + by;
            }
        }

        extern "C" __global__ void twice(unsigned short* x, long long n)
        {
            int i = blockIdx.x * blockDim.x + threadIdx.x;
            if (i < n)
            {
                x[i] += 128;   // bfloat16: the exponent's lowest bit
            }
        }

        // Each block leaves its threads' numbers in reverse.
        extern "C" __global__ void __launch_bounds__(64) reverse(const float* x, float* y)
        {
            extern __shared__ float tile[];
            tile[threadIdx.x] = x[blockIdx.x * blockDim.x + threadIdx.x];
            __syncthreads();
            y[blockIdx.x * blockDim.x + threadIdx.x] = tile[blockDim.x - 1 - threadIdx.x];
        }

        __global__ void mangled(float* x) { x[0] = 1; }
        """;

    [Fact]
    public void The_example_compiles_launches_and_measures_a_kernel()
    {
        TextWriter console = Console.Out;
        using StringWriter output = new();
        Console.SetOut(output);
        try
        {
            Assembly.Load("Kernel").EntryPoint!.Invoke(null, [new[] { "1000" }]);
        }
        finally
        {
            Console.SetOut(console);
        }

        string[] lines = output.ToString().TrimEnd().Split('\n');
        Assert.Equal("swish(-8) = -0.0027, swish(1) = 0.7311", lines[0].Trim());
        Assert.Matches(@"^[\d.]+ ms, [\d.,]+ GB/s$", lines[1].Trim());
    }

    [Fact]
    public void A_kernel_is_launched_on_tensors_of_both_types_and_marks_what_it_may_write()
    {
        using CudaDevice device = CudaDevice.Open();
        CudaProgram program = device.Compile(Source);
        Assert.Equal(["add", "twice", "reverse"], program.KernelNames);
        Assert.Same(program, device.Compile(Source));
        CudaKernel add = program.GetKernel("add");
        using Tensor x = Tensor.From<float>(device, new Shape(300), [.. Enumerable.Range(0, 300).Select(i => (float)i)]);
        using Tensor y = Tensor.Create(device, new Shape(300), DataType.Float32);

        (long readBefore, long writtenBefore) = (x.Version, y.Version);
        add.Launch(300, x.AsInput(), y, 300, 0.5);
        Assert.Equal(299.5f, y.ToArray<float>()[^1]);
        Assert.Equal(readBefore, x.Version);
        Assert.True(y.Version > writtenBefore);

        // Unless the program says that a tensor is only read, it counts as written.
        add.Launch(300, new LaunchOptions { BlockSize = 32 }, x, y, 300L, 2);
        Assert.Equal(301, y.ToArray<float>()[^1]);
        Assert.True(x.Version > readBefore);

        long before = y.Version;
        add.Launch(0, x, y, 0, 1);
        Assert.Equal(before, y.Version);

        using Tensor half = Tensor.From<float>(device, new Shape(3), [1, -2.5f, 3], DataType.BFloat16);
        program.GetKernel("twice").Launch(3, half, 3);
        Assert.Equal([2, -5, 6], half.ToArray<float>());

        using Tensor reversed = Tensor.Create(device, new Shape(128), DataType.Float32);
        using Tensor first = Tensor.From<float>(device, new Shape(128), [.. Enumerable.Range(0, 128).Select(i => (float)i)]);
        program.GetKernel("reverse").Launch(128, new LaunchOptions { BlockSize = 64, SharedBytes = 64 * sizeof(float) }, first.AsInput(), reversed);
        Assert.Equal([63, 0, 127], (float[])[reversed.ToArray<float>()[0], reversed.ToArray<float>()[63], reversed.ToArray<float>()[64]]);
    }

    [Fact]
    public void A_recorded_step_replays_a_kernel_and_marks_its_output_each_time()
    {
        using CudaDevice device = CudaDevice.Open(0, CudaPrecision.BFloat16);
        CudaKernel add = device.Compile(Source).GetKernel("add");
        using Tensor x = Tensor.From<float>(device, new Shape(1, 2), [1, 2], DataType.BFloat16);
        using Tensor weight = Tensor.From<float>(device, new Shape(2, 1), [1, 1]);
        using Tensor product = Tensor.Create(device, new Shape(1, 1), DataType.Float32);
        Action step = () =>
        {
            device.MatMul(x, false, weight, false, product, accumulate: false);
            add.Launch(2, weight, weight, 2, 1);
        };
        step();
        using CapturedStep recorded = device.Capture(step);
        foreach (double expected in (double[])[6, 9, 12])
        {
            long before = weight.Version;
            recorded.Replay();
            Assert.Equal(expected, product.Item());
            Assert.True(weight.Version > before);
        }

        // The bfloat16 copy of the weight, which products read, is that of the last launch.
        device.MatMul(x, false, weight, false, product, accumulate: false);
        Assert.Equal(15, product.Item());
    }

    [Fact]
    public void What_does_not_fit_a_kernel_is_refused_before_the_launch()
    {
        using CudaDevice device = CudaDevice.Open();
        using CudaDevice other = CudaDevice.Open();
        CudaProgram program = device.Compile(Source, "own.cu");
        CudaKernel add = program.GetKernel("add");
        using Tensor x = Tensor.From<float>(device, new Shape(4), [1, 2, 3, 4]);
        using Tensor foreign = Tensor.From<float>(other, new Shape(4), [1, 2, 3, 4]);
        using Tensor integers = Tensor.From<int>(device, new Shape(4), [1, 2, 3, 4]);
        long before = x.Version;
        Refuses("takes 4 arguments (const float* x, float* y, int n, float by), but 2 were given", () => add.Launch(4, x, x));
        Refuses("parameter 'int n': expected an integer from -2147483648 to 2147483647, but was given the number 4", () => add.Launch(4, x, x, 4.0, 1));
        Refuses("but was given the integer 4294967296", () => add.Launch(4, x, x, 1L << 32, 1));
        Refuses("parameter 'int n': expected a number, but was given a tensor", () => add.Launch(4, x, x, x, 1));
        Refuses("parameter 'float* y': expected a tensor, but was given the integer 3", () => add.Launch(4, x, 3, 4, 1));
        Refuses("expected a Float32 tensor, but was given a tensor [4] Int32", () => add.Launch(4, x, integers, 4, 1));
        Refuses("the kernel may write there, but the tensor is passed AsInput()", () => add.Launch(4, x, x.AsInput(), 4, 1));
        Refuses("the kernel is cuda:0's, but the argument is Tensor", () => add.Launch(4, x, foreign, 4, 1));
        Refuses("block size 2000 is not from 1 to 1024", () => add.Launch(4, new LaunchOptions { BlockSize = 2000 }, x, x, 4, 1));
        Refuses("-1 threads were asked for", () => add.Launch(-1, x, x, 4, 1));
        Assert.Equal(before, x.Version);
        Refuses("own.cu has no kernel 'swish': its kernels are add, twice, reverse", () => program.GetKernel("swish"));
        Refuses("'mangled' needs extern \"C\" before __global__", () => program.GetKernel("mangled"));
    }

    [Fact]
    public void An_error_in_the_source_names_its_line()
    {
        using CudaDevice device = CudaDevice.Open();
        string source = "// one\nextern \"C\" __global__ void f(float* x)\n{\n    x[0] = missing;\n}\n";
        EngineException error = Assert.Throws<EngineException>(() => device.Compile(source, "own.cu"));
        Assert.Matches(@"^own\.cu does not compile: own\.cu\(4\): error: .*missing.*$", error.Message);
        Assert.DoesNotContain('\n', error.Message);
    }

    [Fact]
    public void Declarations_are_read_with_comments_macros_and_launch_bounds()
    {
        SourceSignatures signatures = SourceSignatures.Parse(Source + "#define LIST float* x, int n\nextern \"C\" __global__ void hidden(LIST) { }\n");
        Assert.Equal(["add", "twice", "reverse", "hidden"], signatures.Names);
        Assert.Equal(["const float* x", "float* y"], signatures.Find("reverse")!.Select(p => p.Text));
        Assert.Equal([true, false], signatures.Find("reverse")!.Select(p => p.IsConstant));
        Assert.Equal("long long", signatures.Find("twice")![1].Type);
        Assert.Null(signatures.Find("hidden"));
        Assert.True(signatures.IsMangled("mangled"));
    }

    private static void Refuses(string part, Action action)
    {
        string message = Assert.ThrowsAny<EngineException>(action).Message;
        Assert.Contains(part, message);
        Assert.DoesNotContain('\n', message);
    }
}
