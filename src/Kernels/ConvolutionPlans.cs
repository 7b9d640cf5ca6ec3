using Engine.Devices;
using Engine.Kernels.Interop;
using Engine.Tensors;

namespace Engine.Kernels;

/// <summary>What a convolution plan depends on.</summary>
internal readonly record struct ConvolutionKey(
    ConvolutionDirection Direction, Shape Input, Shape Filter, Shape Output, ConvolutionGeometry Geometry, CudnnDataType Type);

/// <summary>cuDNN's descriptors for one convolution, and the algorithm that was fastest.</summary>
internal sealed class ConvolutionPlan(ConvolutionKey key, CudnnMathType mathType) : IDisposable
{
    internal TensorDescriptor Input { get; } = new(key.Type, key.Input);

    internal FilterDescriptor Filter { get; } = new(key.Type, key.Filter);

    internal TensorDescriptor Output { get; } = new(key.Type, key.Output);

    internal ConvolutionDescriptor Convolution { get; } = new(key.Geometry, mathType);

    internal ConvolutionDirection Direction => key.Direction;

    internal int Algorithm { get; set; }

    internal long WorkspaceBytes { get; set; }

    /// <summary>cuDNN supports it by no algorithm: kernels.cu computes it.</summary>
    internal bool IsDirect { get; set; }

    /// <summary>The algorithm cannot add to what is there: that is a pass of its own.</summary>
    internal bool AddsApart { get; set; }

    public void Dispose()
    {
        Input.Dispose();
        Filter.Dispose();
        Output.Dispose();
        Convolution.Dispose();
    }
}

/// <summary>
/// The convolution algorithms of one device. The first time a shape is seen, all of cuDNN's algorithms are run and timed on it; the
/// fastest is kept for the device's life. Only algorithms that give the same bits every time are taken where there is one. Where cuDNN
/// has none at all (which shapes those are depends on its version, the type and the GPU), the plan says to compute without it.
/// </summary>
internal sealed class ConvolutionPlans(CudaDNNContext dnn, CudaPrecision precision) : IDisposable
{
    /// <summary>The most workspace that an algorithm may ask for: more buys little and crowds out activations.</summary>
    private const long LargestWorkspace = 512L * 1024 * 1024;

    private readonly Dictionary<ConvolutionKey, ConvolutionPlan> _plans = [];

    private CudnnMathType MathType => precision == CudaPrecision.Float32 ? CudnnMathType.Fma : CudnnMathType.TensorOp;

    /// <summary>How many convolutions have been planned.</summary>
    internal int Count => _plans.Count;

    /// <summary>The plan for a convolution; null when it has not been made.</summary>
    internal ConvolutionPlan? Find(in ConvolutionKey key) => _plans.GetValueOrDefault(key);

    /// <summary>Makes a plan by running every algorithm once; overwrites the result.</summary>
    /// <param name="key">The convolution.</param>
    /// <param name="input">Where the input lies, or the gradient by it.</param>
    /// <param name="filter">Where the filter lies, or the gradient by it.</param>
    /// <param name="output">Where the output lies, or the gradient by it.</param>
    /// <param name="rentWorkspace">Lends memory for the search.</param>
    internal ConvolutionPlan Search(in ConvolutionKey key, nint input, nint filter, nint output, Func<long, Tensor> rentWorkspace)
    {
        ConvolutionPlan plan = new(key, MathType);
        ConvolutionPerformance[] expected = Supported(() => Expected(plan));
        long bytes = Math.Clamp(expected.Where(IsPossible).Select(result => (long)result.WorkspaceBytes).DefaultIfEmpty(0).Max(), 64, LargestWorkspace);
        using Tensor workspace = rentWorkspace(bytes);
        ConvolutionPerformance[] measured = Supported(() => plan.Direction switch
        {
            ConvolutionDirection.Forward => dnn.FindConvolutionForwardAlgorithms(
                plan.Input, input, plan.Filter, filter, plan.Convolution, plan.Output, output, workspace.WriteAddress(), workspace.ByteCount),
            ConvolutionDirection.BackwardData => dnn.FindConvolutionBackwardDataAlgorithms(
                plan.Filter, filter, plan.Output, output, plan.Convolution, plan.Input, input, workspace.WriteAddress(), workspace.ByteCount),
            _ => dnn.FindConvolutionBackwardFilterAlgorithms(
                plan.Input, input, plan.Output, output, plan.Convolution, plan.Filter, filter, workspace.WriteAddress(), workspace.ByteCount),
        });
        return Keep(key, plan, measured);
    }

    /// <summary>Makes a plan by cuDNN's expectation, without running anything: where work is being recorded instead of run.</summary>
    internal ConvolutionPlan Guess(in ConvolutionKey key)
    {
        ConvolutionPlan plan = new(key, MathType);
        return Keep(key, plan, Supported(() => Expected(plan)));
    }

    public void Dispose()
    {
        foreach (ConvolutionPlan plan in _plans.Values)
        {
            plan.Dispose();
        }

        _plans.Clear();
    }

    // Compared without a sign: cuDNN sometimes reports a workspace beyond 2^63 bytes (PyTorch's aten/src/ATen/native/cudnn/Conv_v7.cpp).
    private static bool IsPossible(ConvolutionPerformance result) => result.Status == 0 && result.WorkspaceBytes <= (nuint)LargestWorkspace;

    // A configuration that no algorithm serves may end the question itself, instead of every answer.
    private static ConvolutionPerformance[] Supported(Func<ConvolutionPerformance[]> question)
    {
        try
        {
            return question();
        }
        catch (CudaException e) when (e.IsNotSupported)
        {
            return [];
        }
    }

    private ConvolutionPerformance[] Expected(ConvolutionPlan plan) => plan.Direction switch
    {
        ConvolutionDirection.Forward => dnn.GetConvolutionForwardAlgorithms(plan.Input, plan.Filter, plan.Convolution, plan.Output),
        ConvolutionDirection.BackwardData => dnn.GetConvolutionBackwardDataAlgorithms(plan.Filter, plan.Output, plan.Convolution, plan.Input),
        _ => dnn.GetConvolutionBackwardFilterAlgorithms(plan.Input, plan.Output, plan.Convolution, plan.Filter),
    };

    private ConvolutionPlan Keep(in ConvolutionKey key, ConvolutionPlan plan, ConvolutionPerformance[] results)
    {
        // In fp32 an algorithm that would round to tf32 is not taken.
        ConvolutionPerformance[] possible = [.. results.Where(result => IsPossible(result) && (MathType != CudnnMathType.Fma || result.MathType == CudnnMathType.Fma))];
        if (possible.Length == 0)
        {
            plan.IsDirect = true;
        }
        else
        {
            ConvolutionPerformance best = possible.FirstOrDefault(result => result.Determinism == 1, possible[0]);
            plan.Algorithm = best.Algorithm;
            plan.WorkspaceBytes = (long)best.WorkspaceBytes;
            plan.Convolution.SetMathType(best.MathType);
        }

        _plans.Add(key, plan);
        return plan;
    }
}
