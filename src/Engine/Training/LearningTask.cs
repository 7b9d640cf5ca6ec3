using Engine.Data;

namespace Engine.Training;

/// <summary>What a network is trained for: which loss fits its targets, when an answer is right, and what its outputs mean.</summary>
public abstract class LearningTask
{
    private protected LearningTask(int outputs) => Outputs = outputs;

    /// <summary>Numbers that the network has for each sample: [N, Outputs].</summary>
    public int Outputs { get; }

    /// <summary>Answers that are counted for each sample: 1 class, or each of its labels; 0 where values are neither right nor wrong.</summary>
    public abstract int Answers { get; }

    /// <summary>One class of several: softmax and cross-entropy.</summary>
    /// <param name="classes">How many there are, at least 1.</param>
    public static LearningTask Classification(int classes) => new ClassificationTask(classes);

    /// <summary>None, some or all of several labels, each by itself: sigmoid and binary cross-entropy.</summary>
    /// <param name="labels">How many there are, at least 1.</param>
    public static LearningTask MultiLabel(int labels) => new MultiLabelTask(labels);

    /// <summary>Values: mean squared error.</summary>
    /// <param name="values">How many there are for each sample, at least 1.</param>
    /// <param name="scaling">How they are scaled where they are trained on; null where they are not.</param>
    public static LearningTask Regression(int values, FeatureScaling? scaling = null) => new RegressionTask(values, scaling);

    /// <summary>What some samples are for.</summary>
    /// <param name="task">What is learned of them.</param>
    /// <param name="targets">Classes, labels or values.</param>
    /// <param name="values">How values are scaled; null where they are not, or where there are none.</param>
    public static LearningTask Of(SampleTask task, int targets, FeatureScaling? values = null) => task switch
    {
        SampleTask.Classification => Classification(targets),
        SampleTask.MultiLabel => MultiLabel(targets),
        _ => Regression(targets, values),
    };

    /// <summary>The mean loss of a batch.</summary>
    /// <param name="output">The network's, [N, Outputs].</param>
    /// <param name="target">Labels, Int32 [N], or floating point [N, Outputs].</param>
    /// <param name="weights">A factor for each sample, [N]; null for ones. The mean divides by the number of samples, not by their sum.</param>
    /// <param name="smoothing">Label smoothing, from 0 to 1, of classes.</param>
    public abstract Tensor Loss(Tensor output, Tensor target, Tensor? weights = null, double smoothing = 0);

    /// <summary>Turns a network's outputs for one sample into what they mean: probabilities of classes or labels; values in their own units.</summary>
    /// <param name="output">[Outputs]; overwritten.</param>
    public abstract void Interpret(Span<float> output);

    /// <summary>Counts the right answers of a batch.</summary>
    /// <param name="output">[N, Outputs].</param>
    /// <param name="target">As of <see cref="Loss"/>.</param>
    /// <param name="correct">One number of <see cref="CountType"/>, overwritten.</param>
    internal abstract void CountCorrect(Tensor output, Tensor target, Tensor correct);

    /// <summary>What one is worth of each value that is trained on: [Outputs]; empty for ones.</summary>
    internal virtual ReadOnlySpan<double> Units => [];

    /// <summary>The type of the number that <see cref="CountCorrect"/> writes.</summary>
    internal abstract DataType CountType(Device device);

    /// <summary>Checks that a network's outputs fit the targets.</summary>
    /// <exception cref="EngineException">They do not; the message has both shapes.</exception>
    internal void Check(Tensor output)
    {
        if (output.Shape.Rank != 2 || output.Shape[1] != Outputs)
        {
            throw new EngineException($"the model's answers have shape {output.Shape}, but {Expected}: expected [N, {Outputs}]");
        }
    }

    private protected abstract string Expected { get; }

    private sealed class ClassificationTask(int classes) : LearningTask(classes)
    {
        public override int Answers => 1;

        private protected override string Expected => $"the samples have {Outputs} classes";

        public override Tensor Loss(Tensor output, Tensor target, Tensor? weights = null, double smoothing = 0) =>
            output.CrossEntropy(target, smoothing, weights);

        public override void Interpret(Span<float> output)
        {
            // Less the largest first, so that no exponential overflows.
            float largest = float.NegativeInfinity;
            foreach (float logit in output)
            {
                largest = Math.Max(largest, logit);
            }

            double sum = 0;
            for (int i = 0; i < output.Length; i++)
            {
                output[i] = MathF.Exp(output[i] - largest);
                sum += output[i];
            }

            for (int i = 0; i < output.Length; i++)
            {
                output[i] = (float)(output[i] / sum);
            }
        }

        internal override DataType CountType(Device device) => DataType.Int32;

        internal override void CountCorrect(Tensor output, Tensor target, Tensor correct) => output.Device.TopKCount(output, target, 1, correct);
    }

    private sealed class MultiLabelTask(int labels) : LearningTask(labels)
    {
        public override int Answers => Outputs;

        private protected override string Expected => $"the samples have {Outputs} label{(Outputs == 1 ? "" : "s")}";

        public override Tensor Loss(Tensor output, Tensor target, Tensor? weights = null, double smoothing = 0) =>
            output.BinaryCrossEntropyWithLogits(target, weights);

        public override void Interpret(Span<float> output)
        {
            for (int i = 0; i < output.Length; i++)
            {
                output[i] = (float)(1 / (1 + Math.Exp(-(double)output[i])));
            }
        }

        internal override DataType CountType(Device device) => device.FloatType;

        // An answer is yes where the logit is above 0, which is where its sigmoid is above a half.
        internal override void CountCorrect(Tensor output, Tensor target, Tensor correct)
        {
            Device device = output.Device;
            using NoGradientScope scope = device.NoGradient();
            device.Copy(output.Greater(output * 0).Equal(target).Sum(), correct);
        }
    }

    private sealed class RegressionTask(int values, FeatureScaling? scaling) : LearningTask(values)
    {
        internal override ReadOnlySpan<double> Units => scaling is null ? [] : scaling.Deviation;

        public override int Answers => 0;

        private protected override string Expected => $"the samples have {Outputs} value{(Outputs == 1 ? "" : "s")}";

        public override Tensor Loss(Tensor output, Tensor target, Tensor? weights = null, double smoothing = 0) => output.MseLoss(target, weights);

        public override void Interpret(Span<float> output) => scaling?.Undo(output, output);

        internal override DataType CountType(Device device) => device.FloatType;

        internal override void CountCorrect(Tensor output, Tensor target, Tensor correct) => output.Device.Fill(correct, 0);
    }
}
