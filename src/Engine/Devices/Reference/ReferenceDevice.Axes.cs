namespace Engine;

/// <content>Reductions over axes, copies of parts, gathering, softmax.</content>
public sealed partial class ReferenceDevice
{
    /// <inheritdoc/>
    protected override void SumAxesCore(Tensor input, double factor, Tensor output, bool accumulate)
    {
        ReadOnlySpan<double> x = Numbers(input);
        Span<double> y = NumbersToWrite(output);
        double[] sums = new double[y.Length];
        for (int i = 0; i < x.Length; i++)
        {
            sums[IndexIn(output, input, i)] += x[i];
        }

        for (int i = 0; i < y.Length; i++)
        {
            Put(ref y[i], factor * sums[i], accumulate);
        }
    }

    /// <inheritdoc/>
    protected override void MaxAxesCore(Tensor input, Tensor output)
    {
        ReadOnlySpan<double> x = Numbers(input);
        Span<double> y = NumbersToWrite(output);
        y.Fill(double.NegativeInfinity);
        for (int i = 0; i < x.Length; i++)
        {
            ref double largest = ref y[IndexIn(output, input, i)];
            largest = Math.Max(largest, x[i]);
        }
    }

    /// <inheritdoc/>
    protected override void CopyStridedCore(Tensor input, in Strides from, Tensor output, in Strides to, Shape extents, bool accumulate)
    {
        ReadOnlySpan<double> x = Numbers(input);
        Span<double> y = NumbersToWrite(output);
        for (int i = 0; i < extents.Count; i++)
        {
            int source = from.Start, target = to.Start, rest = i;
            for (int axis = extents.Rank - 1; axis >= 0; axis--)
            {
                int position = rest % extents[axis];
                rest /= extents[axis];
                source += position * from[axis];
                target += position * to[axis];
            }

            Put(ref y[target], x[source], accumulate);
        }
    }

    /// <inheritdoc/>
    protected override void GatherCore(Tensor input, Tensor indices, int axis, Tensor output)
    {
        ReadOnlySpan<double> x = Numbers(input);
        ReadOnlySpan<int> chosen = Integers(indices);
        Span<double> y = NumbersToWrite(output);
        (int outer, int extent, int inner) = input.Shape.Around(axis);
        for (int a = 0; a < outer; a++)
        {
            for (int i = 0; i < chosen.Length; i++)
            {
                x.Slice(((a * extent) + CheckIndex(chosen[i], i, extent)) * inner, inner).CopyTo(y[(((a * chosen.Length) + i) * inner)..]);
            }
        }
    }

    /// <inheritdoc/>
    protected override void GatherBackwardCore(Tensor outputGradient, Tensor indices, int axis, Tensor inputGradient, bool accumulate)
    {
        ReadOnlySpan<double> dy = Numbers(outputGradient);
        ReadOnlySpan<int> chosen = Integers(indices);
        Span<double> dx = NumbersToWrite(inputGradient);
        (int outer, int extent, int inner) = inputGradient.Shape.Around(axis);
        if (!accumulate)
        {
            dx.Clear();
        }

        for (int a = 0; a < outer; a++)
        {
            for (int i = 0; i < chosen.Length; i++)
            {
                for (int b = 0; b < inner; b++)
                {
                    dx[(((a * extent) + CheckIndex(chosen[i], i, extent)) * inner) + b] += dy[(((a * chosen.Length) + i) * inner) + b];
                }
            }
        }
    }

    /// <inheritdoc/>
    protected override void SoftmaxCore(Tensor input, bool isLog, Tensor output)
    {
        int columns = input.Shape.Last;
        for (int n = 0; n < input.Shape.Rows; n++)
        {
            ReadOnlySpan<double> x = Numbers(input).Slice(n * columns, columns);
            Span<double> y = NumbersToWrite(output).Slice(n * columns, columns);
            double largest = double.NegativeInfinity;
            foreach (double value in x)
            {
                largest = Math.Max(largest, value);
            }

            double sum = 0;
            foreach (double value in x)
            {
                sum += Math.Exp(value - largest);
            }

            for (int k = 0; k < columns; k++)
            {
                y[k] = isLog ? x[k] - largest - Math.Log(sum) : Math.Exp(x[k] - largest) / sum;
            }
        }
    }

    /// <inheritdoc/>
    protected override void SoftmaxBackwardCore(Tensor outputGradient, Tensor output, bool isLog, Tensor inputGradient, bool accumulate)
    {
        int columns = output.Shape.Last;
        for (int n = 0; n < output.Shape.Rows; n++)
        {
            ReadOnlySpan<double> dy = Numbers(outputGradient).Slice(n * columns, columns), y = Numbers(output).Slice(n * columns, columns);
            Span<double> dx = NumbersToWrite(inputGradient).Slice(n * columns, columns);
            double sum = 0;
            for (int k = 0; k < columns; k++)
            {
                sum += isLog ? dy[k] : dy[k] * y[k];
            }

            for (int k = 0; k < columns; k++)
            {
                Put(ref dx[k], isLog ? dy[k] - (Math.Exp(y[k]) * sum) : y[k] * (dy[k] - sum), accumulate);
            }
        }
    }

    private static int CheckIndex(int index, int position, int extent) => (uint)index < (uint)extent
        ? index
        : throw new EngineException($"gather: index {index} at position {position} is not one of the axis' {extent}, 0 to {extent - 1}");
}
