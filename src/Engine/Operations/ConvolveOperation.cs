namespace Engine;

/// <summary>
/// Two-dimensional convolution (cross-correlation, as in every deep-learning library), without bias:
/// y[n,p,q,k] = sum over r,s,c of x[n, p u + r e - a, q v + s f - b, c] w[k,r,s,c], with stride (u,v), dilation (e,f), padding (a,b).
/// <para>Backward: y is bilinear in x and w, so each gradient is the transposed map of the other factor.
/// dx[n,i,j,c] = sum of dy[n,p,q,k] w[k,r,s,c] over all (p,q,r,s,k) with p u + r e - a = i and q v + s f - b = j;
/// dw[k,r,s,c] = sum over n,p,q of dy[n,p,q,k] x[n, p u + r e - a, q v + s f - b, c].</para>
/// </summary>
public sealed class ConvolveOperation : Operation
{
    private readonly Tensor _input;
    private readonly Tensor _filter;
    private readonly ConvolutionGeometry _geometry;

    private ConvolveOperation(Tensor input, Tensor filter, ConvolutionGeometry geometry)
    {
        _input = input;
        _filter = filter;
        _geometry = geometry;
    }

    /// <inheritdoc/>
    public override string Name => "convolution";

    /// <summary>Convolves input [N, H, W, C] with filter [K, R, S, C / groups] into [N, P, Q, K].</summary>
    /// <exception cref="ShapeException">The shapes do not fit each other or the geometry.</exception>
    public static Tensor Apply(Tensor input, Tensor filter, in ConvolutionGeometry geometry) => Apply(input, filter, geometry, statistics: null);

    /// <summary>Convolves, and takes the statistics of the result for the batch norm behind it.</summary>
    internal static Tensor Apply(Tensor input, Tensor filter, in ConvolutionGeometry geometry, NormStatistics? statistics)
    {
        CheckTogether("convolution", input, filter);
        Tape tape = input.Device.Tape;
        Tensor output = tape.Allocate(geometry.OutputShape(input.Shape, filter.Shape), input.Type);
        PendingNorm? norm = PendingNorm.Of(input);
        if (norm is not null || statistics is not null)
        {
            input.Device.NormalizedConvolution(norm?.Input ?? input, norm?.Map, filter, geometry, output, statistics);
        }
        else
        {
            input.Device.ConvolutionForward(input, filter, geometry, output);
        }

        if (tape.ShouldRecord(input, filter))
        {
            new ConvolveOperation(input, filter, geometry).Record(output, input, filter);
        }

        return output;
    }

    /// <inheritdoc/>
    internal override bool TakesPending(Tensor saved) => ReferenceEquals(saved, _input);

    /// <inheritdoc/>
    protected internal override void Backward()
    {
        PendingNorm? norm = PendingNorm.Of(_input);
        if (Target(_filter) is { Gradient: not null } intoFilter)
        {
            if (norm is { } pending)
            {
                Device.NormalizedConvolutionBackwardFilter(pending.Input, pending.Map, OutputGradient, _geometry, intoFilter);
            }
            else
            {
                Device.ConvolutionBackwardFilter(_input, OutputGradient, _geometry, intoFilter);
            }
        }

        if (_input.Producer is BatchNormOperation producer && producer.TakeSums(this) is { } sums)
        {
            Device.NormalizedConvolutionBackwardData(
                OutputGradient, _filter, _geometry, producer.Input, producer.Map, producer.Mask, sums.Gradient, sums.Accumulate, sums.Sum, sums.SumNormalized);
            sums.Seal();
        }
        else
        {
            Device.ConvolutionBackwardData(OutputGradient, _filter, _geometry, Target(_input));
        }
    }
}
