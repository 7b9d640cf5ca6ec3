using System.Runtime.InteropServices;

namespace Engine.Kernels.Interop;

/// <summary>The element types of a tensor, in the numbering of cudnnDataType_t.</summary>
public enum CudnnDataType
{
    /// <summary>32-bit float.</summary>
    Float32 = 0,

    /// <summary>64-bit float.</summary>
    Float64 = 1,

    /// <summary>16-bit float: 10 bits of mantissa.</summary>
    Half = 2,

    /// <summary>32-bit integer.</summary>
    Int32 = 4,

    /// <summary>16-bit brain float: 7 bits of mantissa.</summary>
    BFloat16 = 9,

    /// <summary>64-bit integer.</summary>
    Int64 = 10,

    /// <summary>Boolean, a bit mask in memory.</summary>
    Boolean = 11,
}

/// <summary>How a convolution may use tensor cores, in the numbering of cudnnMathType_t.</summary>
public enum CudnnMathType
{
    /// <summary>As cuDNN chooses: 32-bit floats are rounded to tf32 on Ampere and later.</summary>
    Default = 0,

    /// <summary>Tensor cores for 16-bit types, and tf32 for 32-bit floats.</summary>
    TensorOp = 1,

    /// <summary>No tensor cores: 32-bit floats in full.</summary>
    Fma = 3,
}

/// <summary>Which statistics batch norm takes, in the numbering of cudnnBatchNormMode_t.</summary>
public enum CudnnBatchNormMode
{
    /// <summary>One mean a channel.</summary>
    Spatial = 1,

    /// <summary>One mean a channel, by a faster kernel that may overflow where the numbers are very large.</summary>
    SpatialPersistent = 2,
}

/// <summary>One algorithm for a convolution and what it takes: cudnnConvolution*AlgoPerf_t, which is the same for all three directions.</summary>
[StructLayout(LayoutKind.Sequential)]
public readonly struct ConvolutionPerformance
{
    /// <summary>The algorithm's number in its direction's enumeration.</summary>
    public int Algorithm { get; }

    /// <summary>0 when it can do this convolution.</summary>
    public int Status { get; }

    /// <summary>The milliseconds it took; negative when not measured.</summary>
    public float Milliseconds { get; }

    /// <summary>The bytes of workspace it needs.</summary>
    public nuint WorkspaceBytes { get; }

    /// <summary>1 when it gives the same bits every time.</summary>
    public int Determinism { get; }

    /// <summary>The math type it needs.</summary>
    public CudnnMathType MathType { get; }

    private readonly int _reserved0;
    private readonly int _reserved1;
    private readonly int _reserved2;
}

/// <summary>The shape and type of a channels-last tensor.</summary>
public sealed unsafe class TensorDescriptor : IDisposable
{
    private readonly string _text;

    /// <summary>Describes a tensor whose elements lie densely in the order [N, H, W, C], or [N, C, H, W].</summary>
    public TensorDescriptor(CudnnDataType type, int n, int h, int w, int c, bool channelsLast = true)
    {
        _text = channelsLast ? $"{type} [{n}, {h}, {w}, {c}]" : $"{type} [{n}, {c}, {h}, {w}] channels first";
        nint handle;
        CudnnApi.Check(CudnnApi.cudnnCreateTensorDescriptor(&handle), "cudnnCreateTensorDescriptor");
        Handle = handle;
        CudnnApi.Check(CudnnApi.cudnnSetTensor4dDescriptor(handle, format: channelsLast ? 1 : 0, (int)type, n, c, h, w), "cudnnSetTensor4dDescriptor", _text);
    }

    /// <summary>Describes a tensor of shape [N, H, W, C].</summary>
    public TensorDescriptor(CudnnDataType type, Shape shape) : this(type, shape[0], shape[1], shape[2], shape[3]) { }

    /// <summary>The raw cudnnTensorDescriptor_t; 0 once disposed.</summary>
    public nint Handle { get; private set; }

    /// <summary>Its type and [N, H, W, C].</summary>
    public override string ToString() => _text;

    /// <summary>Gives it back.</summary>
    public void Dispose()
    {
        if (Handle != 0)
        {
            nint handle = Handle;
            Handle = 0;
            CudnnApi.Check(CudnnApi.cudnnDestroyTensorDescriptor(handle), "cudnnDestroyTensorDescriptor");
        }
    }
}

/// <summary>The shape and type of a channels-last filter.</summary>
public sealed unsafe class FilterDescriptor : IDisposable
{
    private readonly string _text;

    /// <summary>Describes a filter whose elements lie densely in the order [K, R, S, C / groups].</summary>
    public FilterDescriptor(CudnnDataType type, int k, int r, int s, int c)
    {
        _text = $"{type} [{k}, {r}, {s}, {c}]";
        nint handle;
        CudnnApi.Check(CudnnApi.cudnnCreateFilterDescriptor(&handle), "cudnnCreateFilterDescriptor");
        Handle = handle;
        CudnnApi.Check(CudnnApi.cudnnSetFilter4dDescriptor(handle, (int)type, format: 1, k, c, r, s), "cudnnSetFilter4dDescriptor", _text);
    }

    /// <summary>Describes a filter of shape [K, R, S, C / groups].</summary>
    public FilterDescriptor(CudnnDataType type, Shape shape) : this(type, shape[0], shape[1], shape[2], shape[3]) { }

    /// <summary>The raw cudnnFilterDescriptor_t; 0 once disposed.</summary>
    public nint Handle { get; private set; }

    /// <summary>Its type and [K, R, S, C / groups].</summary>
    public override string ToString() => _text;

    /// <summary>Gives it back.</summary>
    public void Dispose()
    {
        if (Handle != 0)
        {
            nint handle = Handle;
            Handle = 0;
            CudnnApi.Check(CudnnApi.cudnnDestroyFilterDescriptor(handle), "cudnnDestroyFilterDescriptor");
        }
    }
}

/// <summary>How a filter moves over an image, and how the products are made. Sums are taken in 32-bit floats.</summary>
public sealed unsafe class ConvolutionDescriptor : IDisposable
{
    private readonly string _text;

    /// <summary>Describes a cross-correlation, which is what networks call a convolution.</summary>
    public ConvolutionDescriptor(in ConvolutionGeometry geometry, CudnnMathType mathType)
    {
        _text = $"stride {geometry.Stride}, padding {geometry.Padding}, dilation {geometry.Dilation}, {geometry.Groups} group(s), {mathType} math";
        nint handle;
        CudnnApi.Check(CudnnApi.cudnnCreateConvolutionDescriptor(&handle), "cudnnCreateConvolutionDescriptor");
        Handle = handle;
        CudnnApi.Check(
            CudnnApi.cudnnSetConvolution2dDescriptor(
                handle, geometry.Padding.Height, geometry.Padding.Width, geometry.Stride.Height, geometry.Stride.Width,
                geometry.Dilation.Height, geometry.Dilation.Width, mode: 1, computeType: 0),
            "cudnnSetConvolution2dDescriptor", _text);
        CudnnApi.Check(CudnnApi.cudnnSetConvolutionGroupCount(handle, geometry.Groups), "cudnnSetConvolutionGroupCount", _text);
        SetMathType(mathType);
    }

    /// <summary>The raw cudnnConvolutionDescriptor_t; 0 once disposed.</summary>
    public nint Handle { get; private set; }

    /// <summary>Sets how the products are made; an algorithm found by a search must be run with the math type it was found with.</summary>
    public void SetMathType(CudnnMathType mathType) =>
        CudnnApi.Check(CudnnApi.cudnnSetConvolutionMathType(Handle, (int)mathType), "cudnnSetConvolutionMathType", _text);

    /// <summary>Its figures.</summary>
    public override string ToString() => _text;

    /// <summary>Gives it back.</summary>
    public void Dispose()
    {
        if (Handle != 0)
        {
            nint handle = Handle;
            Handle = 0;
            CudnnApi.Check(CudnnApi.cudnnDestroyConvolutionDescriptor(handle), "cudnnDestroyConvolutionDescriptor");
        }
    }
}
