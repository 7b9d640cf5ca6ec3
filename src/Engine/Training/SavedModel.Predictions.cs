using System.Numerics;
using System.Runtime.CompilerServices;
using Engine.Data;
using Engine.Formats;
using Engine.Layers;

namespace Engine.Training;

/// <content>The file as a product: what it says of its network and its samples is enough to predict.</content>
public sealed partial class SavedModel
{
    private readonly Lock _preparing = new();
    private Predictor? _predictor;
    private Predictor.Scale<float>? _scaleFloats;
    private Predictor.Scale<byte>? _scaleBytes;
    private Func<Module>? _network;
    private int _concurrency = Environment.ProcessorCount;

    /// <summary>The samples that it was trained on, where they were no images; null where the file does not say.</summary>
    public SampleDescription? Samples { get; }

    /// <summary>
    /// The most predictions that are computed at once, each by one thread; others wait. Each takes memory for the weights. As many as there are processors,
    /// unless set before the first prediction.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">Less than one.</exception>
    /// <exception cref="EngineException">Something has been predicted already.</exception>
    public int Concurrency
    {
        get => _concurrency;
        set
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(value, 1);
            _concurrency = _predictor is null ? value : throw new EngineException("set Concurrency before the first prediction");
        }
    }

    /// <summary>The names of what <see cref="Predict(ReadOnlySpan{float})"/> gives, in its order: classes, labels or values; empty where the file does not
    /// say.</summary>
    public IReadOnlyList<string> OutputNames => Samples?.Targets ?? Data?.Classes ?? [];

    /// <summary>The shape of one sample: of a table's row [F], of an image [H, W, C].</summary>
    /// <exception cref="EngineException">The file does not say.</exception>
    public Shape InputShape => Samples is { } samples ? new Shape(samples.Shape)
        : Data is { } data ? new Shape(data.Height, data.Width, data.Channels)
        : throw new EngineException($"'{Path}' does not say what its samples are: it was not written by a Trainer. Load its weights into a model of your own");

    /// <summary>Writes a file with everything that is needed to predict: weights, network, samples.</summary>
    /// <param name="path">The file, which is replaced as a whole.</param>
    /// <param name="model">The network, on its device; of modules that <see cref="NetworkDescription"/> knows.</param>
    /// <param name="samples">What goes in and what comes out; a <see cref="Trainer"/> knows it, and has a Save of its own.</param>
    /// <exception cref="EngineException">A module in the network is not known, or the file cannot be written.</exception>
    public static void Save(string path, Module model, SampleDescription samples)
    {
        if (NetworkDescription.Of(model) is null)
        {
            throw new EngineException(
                $"a module of the network is of a type that files cannot name: make it known with NetworkDescription.Register, or write the weights alone with "
                    + $"StateDictionary.Save");
        }

        Save(path, model, header => header[SampleDescription.MetadataKey] = samples.ToJson());
    }

    /// <summary>Makes the network that the file is of, with its weights, on a device: to train on, or to look into.</summary>
    /// <param name="device">Where its weights go.</param>
    /// <exception cref="EngineException">The file does not say what network it is of, or the weights do not fit it.</exception>
    public Module CreateNetwork(Device device)
    {
        Module network = MakeNetwork();
        try
        {
            CheckSize(network);
            network.To(device);
            Load(network);
            return network;
        }
        catch
        {
            network.Dispose();
            throw;
        }
    }

    /// <summary>Says how the network is made where the file does not, because a module of the program's own is in it.</summary>
    /// <param name="network">
    /// Makes the network, without values: a new one at each call, of which there is one for each prediction that is computed at the same time. Its modules keep
    /// no tensor from one pass to the next: they would see another pass's numbers.
    /// </param>
    /// <returns>This.</returns>
    /// <exception cref="EngineException">Something has been predicted already.</exception>
    public SavedModel WithNetwork(Func<Module> network)
    {
        _network = _predictor is null ? network : throw new EngineException("say WithNetwork before the first prediction");
        return this;
    }

    /// <summary>
    /// Predicts one or more samples: for each, the probability of every class, or of every label, or the values in their own units. Any number of threads may
    /// call this at once.
    /// </summary>
    /// <param name="features">[N, InputShape], as they are measured: they are scaled here as they were in training. Of images, pixels from 0 to 255.</param>
    /// <returns>[N, OutputNames].</returns>
    /// <remarks>Numbers in brackets are taken for this one, not for the bytes of an image.</remarks>
    /// <exception cref="EngineException">The numbers are no whole number of samples, or one is not finite; or the file does not say what is needed.</exception>
    /// <exception cref="ObjectDisposedException">This has been disposed.</exception>
    [OverloadResolutionPriority(1)]
    public float[] Predict(ReadOnlySpan<float> features)
    {
        Predictor predictor = Prepared();
        float[] results = new float[checked(Rows(features.Length, predictor) * Outputs)];
        Predict(features, results);
        return results;
    }

    /// <summary>Predicts as <see cref="Predict(ReadOnlySpan{float})"/> does, into the caller's memory.</summary>
    /// <param name="features">[N, InputShape].</param>
    /// <param name="results">[N, OutputNames].</param>
    /// <exception cref="EngineException">The lengths do not fit, or a number is not finite; or the file does not say what is needed.</exception>
    /// <exception cref="ObjectDisposedException">This has been disposed.</exception>
    public void Predict(ReadOnlySpan<float> features, Span<float> results)
    {
        Predictor predictor = Prepared();
        CheckRoom(Rows(features.Length, predictor), results);
        for (int i = 0; i < features.Length; i++)
        {
            if (!float.IsFinite(features[i]))
            {
                throw new EngineException(string.Create(
                    System.Globalization.CultureInfo.InvariantCulture,
                    $"feature {i % predictor.FeatureLength} of sample {i / predictor.FeatureLength:N0} is {features[i]}; expected a finite number"));
            }
        }

        predictor.Predict(features, _scaleFloats!, results);
    }

    /// <summary>Predicts one or more images.</summary>
    /// <param name="pixels">[N, H, W, C], channels last, row by row.</param>
    /// <returns>[N, classes]: probabilities.</returns>
    /// <exception cref="EngineException">The bytes are no whole number of images; or the file does not say what is needed.</exception>
    /// <exception cref="ObjectDisposedException">This has been disposed.</exception>
    public float[] Predict(ReadOnlySpan<byte> pixels)
    {
        Predictor predictor = Prepared();
        if (_scaleBytes is null)
        {
            throw new EngineException($"'{Path}' was trained on '{OutputOwner}', which are no images: predict from numbers, not bytes");
        }

        float[] results = new float[checked(Rows(pixels.Length, predictor) * Outputs)];
        predictor.Predict(pixels, _scaleBytes, results);
        return results;
    }

    /// <summary>The likeliest class of one sample.</summary>
    /// <param name="features">[InputShape].</param>
    /// <exception cref="EngineException">The network does not tell classes apart, or the numbers are not one sample.</exception>
    /// <exception cref="ObjectDisposedException">This has been disposed.</exception>
    public Prediction Classify(ReadOnlySpan<float> features)
    {
        Predictor predictor = Prepared();
        if (Samples is { Task: not SampleTask.Classification } || features.Length != predictor.FeatureLength)
        {
            throw new EngineException(
                $"'{Path}' classifies one sample of {predictor.FeatureLength:N0} numbers at a time, but {features.Length:N0} were given"
                    + (Samples is { Task: not SampleTask.Classification } ? $", and it was trained for {Samples.Task}: use Predict" : ""));
        }

        const int most = 256;
        Span<float> results = Outputs <= most ? stackalloc float[most] : new float[Outputs];
        Predict(features, results[..Outputs]);
        int best = 0;
        for (int i = 1; i < Outputs; i++)
        {
            best = results[i] > results[best] ? i : best;
        }

        return new Prediction(best, OutputNames[best], results[best]);
    }

    /// <summary>Writes a file with everything that is known of a model and its samples.</summary>
    /// <param name="path">The file.</param>
    /// <param name="model">The model.</param>
    /// <param name="describe">Adds what is to be said of its samples.</param>
    internal static void Save(string path, Module model, Action<Dictionary<string, string>> describe)
    {
        Dictionary<string, string> metadata = new() { ["format"] = "pt" };
        describe(metadata);
        Describe(model, metadata);
        StateDictionary.Save(model, path, metadata);
    }

    /// <summary>Adds what network it is to a file's header, where that can be said.</summary>
    internal static void Describe(Module model, Dictionary<string, string> metadata)
    {
        metadata["engine"] = typeof(Module).Assembly.GetName().Version?.ToString(3) ?? "";
        if (NetworkDescription.Of(model) is { } network)
        {
            metadata[NetworkDescription.MetadataKey] = network;
        }
    }

    private int Outputs => OutputNames.Count;

    private string OutputOwner => Samples?.Name ?? Data?.Name ?? "";

    private Predictor Prepared()
    {
        if (_predictor is { } ready)
        {
            return ready;
        }

        lock (_preparing)
        {
            if (_predictor is { } prepared)
            {
                return prepared;
            }

            ObjectDisposedException.ThrowIf(_isDisposed, this);
            Shape shape = InputShape;
            if (Samples is { } samples)
            {
                _scaleFloats = samples.Scaling.Apply;
            }
            else
            {
                PixelScaling pixels = new(Data!.Normalization());
                (_scaleFloats, _scaleBytes) = (pixels.Apply<float>, pixels.Apply<byte>);
            }

            LearningTask task = Samples?.Learning ?? LearningTask.Classification(Data!.Classes.Count);

            return _predictor = new Predictor(MakeChecked, network => Load(network), shape, task, _concurrency);
        }
    }

    private Module MakeNetwork()
    {
        if (_network is not null)
        {
            return _network();
        }

        if (!File.Metadata.TryGetValue(NetworkDescription.MetadataKey, out string? json))
        {
            throw new EngineException(
                $"'{Path}' does not say what network it is of: say it with WithNetwork, or make the network's modules known with NetworkDescription.Register "
                    + "before it is saved");
        }

        try
        {
            return NetworkDescription.Make(json);
        }
        catch (EngineException e)
        {
            throw new EngineException($"'{Path}' cannot be used: {e.Message}", e);
        }
    }

    private Module MakeChecked()
    {
        Module network = MakeNetwork();
        CheckSize(network);
        return network;
    }

    // A damaged description must not ask for more memory than the file's weights are.
    private void CheckSize(Module network)
    {
        foreach ((string name, Parameter parameter) in network.Named())
        {
            if (StateDictionary.Find(network, File, name) is not { } entry
                || entry.Extents.Aggregate(1L, (product, extent) => product * extent) != parameter.Shape.ElementCount)
            {
                throw new EngineException($"'{Path}' cannot be used: its weights have no '{ShownName.Of(name)}' that fits the network it says it is of");
            }
        }
    }

    private int Rows(int numbers, Predictor predictor) => numbers > 0 && numbers % predictor.FeatureLength == 0
        ? numbers / predictor.FeatureLength
        : throw new EngineException(
            $"'{Path}' takes samples of {InputShape}, {predictor.FeatureLength:N0} numbers each, but {numbers:N0} were given: no whole number of samples");

    private void CheckRoom(int rows, Span<float> results)
    {
        if (results.Length != (long)rows * Outputs)
        {
            throw new EngineException($"{rows:N0} samples have {(long)rows * Outputs:N0} results, but room for {results.Length:N0} was given");
        }
    }

    // (pixel / 255 - mean) / deviation, as a loader has it on a device.
    private sealed class PixelScaling(PixelNormalization normalization)
    {
        private readonly float[] _mean = Array.ConvertAll(normalization.Mean.ToArray(), m => (float)m);
        private readonly float[] _scale = Array.ConvertAll(normalization.Deviation.ToArray(), d => (float)(1 / d));

        public void Apply<T>(ReadOnlySpan<T> pixels, Span<float> scaled)
            where T : INumberBase<T>
        {
            for (int i = 0; i < pixels.Length; i++)
            {
                scaled[i] = ((float.CreateTruncating(pixels[i]) / 255f) - _mean[i % _mean.Length]) * _scale[i % _scale.Length];
            }
        }
    }
}
