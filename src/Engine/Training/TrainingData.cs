using Engine.Data;

namespace Engine.Training;

/// <summary>What a <see cref="Trainer"/> trains on, of whichever kind: it makes the batches and says what weights have to know of them.</summary>
internal abstract class TrainingData
{
    /// <summary>What messages call the set.</summary>
    public abstract string Name { get; }

    /// <summary>What is learned.</summary>
    public abstract LearningTask Task { get; }

    /// <summary>Samples to train on.</summary>
    public abstract int TrainCount { get; }

    /// <summary>Samples held out.</summary>
    public abstract int TestCount { get; }

    /// <summary>Whether samples count differently in the loss.</summary>
    public virtual bool HasWeights => false;

    /// <summary>What a sample is called, such as image.</summary>
    public abstract string Noun { get; }

    /// <summary>Adds what files say of the set to a header.</summary>
    public abstract void Describe(Dictionary<string, string> header);

    /// <summary>Which samples these are.</summary>
    public abstract ImageFingerprint Fingerprint { get; }

    /// <summary>The batches to train on.</summary>
    public abstract BatchLoader TrainingLoader(Device device, int batchSize, TrainingOptions options);

    /// <summary>The batches to test with.</summary>
    public abstract BatchLoader TestLoader(Device device);

    /// <summary>Images.</summary>
    /// <exception cref="EngineException">An option is out of range, or does not fit the data.</exception>
    public static TrainingData Of(ImageDataset data, TrainingOptions options)
    {
        options.Check();
        return new Images(options.ValidationCount > 0 ? data.WithValidation(options.ValidationCount, options.Seed) : data, options);
    }

    /// <summary>Samples.</summary>
    /// <exception cref="EngineException">An option is out of range, or does not fit the data.</exception>
    public static TrainingData Of(SampleDataset data, TrainingOptions options)
    {
        options.Check();
        return new Rows(options.ValidationCount > 0 ? data.WithValidation(options.ValidationCount, options.Seed) : data);
    }

    /// <summary>Room for a test batch: large, since no gradients are kept.</summary>
    private const int TestBatch = 256;

    private sealed class Images : TrainingData
    {
        private readonly ImageDataset _data;
        private readonly PixelNormalization _normalization;
        private readonly DataDescription _description;

        public Images(ImageDataset data, TrainingOptions options)
        {
            _data = data;
            _normalization = data.Train.Count > 0 ? Trainer.NormalizationOf(data, options) : PixelNormalization.None(data.Train.Channels);
            _description = DataDescription.Of(data, _normalization);
            Task = LearningTask.Classification(data.ClassNames.Count);
        }

        public override string Name => _data.Name;

        public override LearningTask Task { get; }

        public override int TrainCount => _data.Train.Count;

        public override int TestCount => _data.Test.Count;

        public override string Noun => "image";

        public override void Describe(Dictionary<string, string> header) => header[DataDescription.MetadataKey] = _description.ToJson();

        public override ImageFingerprint Fingerprint => _description.Fingerprint!;

        public override BatchLoader TrainingLoader(Device device, int batchSize, TrainingOptions options)
        {
            Augmentation usual = _data.Augmentation;
            Augmentation augmentation = new(options.Padding ?? usual.Padding, options.Mirror ?? usual.Mirror);
            return new DataLoader(device, _data.Train, DataLoaderOptions.Training(batchSize, options.Seed, augmentation, _normalization));
        }

        public override BatchLoader TestLoader(Device device) =>
            new DataLoader(device, _data.Test, DataLoaderOptions.Evaluation(Math.Min(TestBatch, TestCount), _normalization));
    }

    private sealed class Rows : TrainingData
    {
        private readonly SampleDataset _data;
        private readonly FeatureScaling _features;
        private readonly FeatureScaling? _values;
        private readonly SampleDescription _description;

        public Rows(SampleDataset data)
        {
            Samples train = data.Train;
            _data = data;
            _features = data.Features
                ?? (train.Count > 0 ? FeatureScaling.Of(train.Features.Span, train.FeatureShape.Last) : FeatureScaling.None(train.FeatureShape.Last));
            _values = data.Task == SampleTask.Regression ? data.Values
                ?? (train.Count > 0 ? FeatureScaling.Of(train.Values, train.TargetLength) : FeatureScaling.None(train.TargetLength)) : null;
            _description = SampleDescription.Of(data, _features, _values);
            Task = LearningTask.Of(data.Task, train.TargetNames.Count, _values);
        }

        public override string Name => _data.Name;

        public override LearningTask Task { get; }

        public override int TrainCount => _data.Train.Count;

        public override int TestCount => _data.Test.Count;

        public override bool HasWeights => !_data.Train.Weights.IsEmpty;

        public override string Noun => "sample";

        // What the engine itself says of a file comes before what a library does.
        public override void Describe(Dictionary<string, string> header)
        {
            header[SampleDescription.MetadataKey] = _description.ToJson();
            foreach ((string key, string value) in _data.Metadata)
            {
                header.TryAdd(key, value);
            }
        }

        public override ImageFingerprint Fingerprint => _description.Fingerprint!;

        public override BatchLoader TrainingLoader(Device device, int batchSize, TrainingOptions options) =>
            new SampleLoader(device, _data.Train, batchSize, shuffle: true, options.Seed, _features, _values);

        public override BatchLoader TestLoader(Device device) =>
            new SampleLoader(device, _data.Test, Math.Min(TestBatch, TestCount), features: _features, values: _values);
    }
}
