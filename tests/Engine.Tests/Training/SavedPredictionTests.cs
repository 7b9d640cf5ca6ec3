using Engine.Data;
using Engine.Formats;
using Engine.Layers;
using Engine.Tests.Data;
using Engine.Training;

namespace Engine.Tests.Training;

/// <summary>A saved model is a product: one file that predicts, from any number of threads, and says what is wrong with what it is given.</summary>
public sealed class SavedPredictionTests : IDisposable
{
    private readonly CpuDevice _device = new(threads: 1);
    private readonly TemporaryFolder _folder = new();

    public void Dispose()
    {
        _folder.Dispose();
        _device.Dispose();
    }

    [Fact]
    public void A_file_of_classes_predicts_what_the_network_did()
    {
        (Samples samples, float[] expected) = TrainAndSave("m.safetensors");
        using SavedModel saved = SavedModel.Open(_folder["m.safetensors"]);
        Assert.Equal(["high", "low"], saved.OutputNames);
        Assert.Equal(new Shape(3), saved.InputShape);
        Assert.Equal(["a", "b", "c"], saved.Samples!.Features);
        float[] predicted = saved.Predict(samples.Features.Span);
        Assert.Equal(expected, predicted, (x, y) => Math.Abs(x - y) < 1e-5);
        Assert.All(Enumerable.Range(0, samples.Count), i => Assert.Equal(1, predicted[2 * i] + predicted[(2 * i) + 1], 1e-5));

        Prediction one = saved.Classify(samples.FeaturesOf(5));
        int best = predicted[10] >= predicted[11] ? 0 : 1;
        Assert.Equal((best, saved.OutputNames[best]), (one.Label, one.Name));
        Assert.Equal(predicted[10 + best], one.Probability, 1e-5);

        // It is a file of weights like any other, too.
        using Module other = Net();
        other.To(_device, 77);
        saved.Load(other);
        using Module made = saved.CreateNetwork(_device);
        Assert.Equal(made.ToString(), other.ToString());
        Assert.Equal(Values(made), Values(other));
    }

    [Fact]
    public void Values_come_back_in_their_own_units()
    {
        RandomSource random = new(2);
        Samples samples = Samples.OfValues([.. Enumerable.Range(0, 200).Select(_ =>
        {
            float x = (float)random.NextNormal();
            return (new[] { 1e4f + (100 * x) }, 500 + (30 * x));
        })]);
        using Module model = new Sequential(new Linear(1, 1));
        using (Trainer trainer = new(model, SampleDataset.Split(samples), _device, new TrainingOptions { Epochs = 60, BatchSize = 16, LearningRate = 0.1 }))
        {
            trainer.Run();
            trainer.Save(_folder["v.safetensors"]);
        }

        using SavedModel saved = SavedModel.Open(_folder["v.safetensors"]);
        float[] values = saved.Predict([1e4f, 1e4f + 100]);
        Assert.Equal(500, values[0], 1.0);
        Assert.Equal(530, values[1], 1.0);
        DataFiles.AssertOneLine(() => saved.Classify([1e4f]), "trained for Regression", "use Predict");
    }

    [Fact]
    public void An_image_file_predicts_from_bytes_and_from_numbers_alike()
    {
        MemoryImageSource source = DataFiles.Images(40, height: 4, width: 4, channels: 1, classes: 3);
        ImageDataset data = new("tiny", source, source, Augmentation.None, "made");
        using Module model = new Sequential(
            new Conv2d(1, 4, 3, padding: 1), new BatchNorm2d(4), new ReLU(), new AdaptiveAvgPool2d(1), new Flatten(), new Linear(4, 3));
        using (Trainer trainer = new(model, data, _device, new TrainingOptions { Epochs = 1, BatchSize = 8 }))
        {
            trainer.Run();
            trainer.Save(_folder["i.safetensors"]);
        }

        byte[] pixels = new byte[3 * 16];
        for (int i = 0; i < 3; i++)
        {
            source.Read(i, pixels.AsSpan(i * 16, 16));
        }

        using SavedModel saved = SavedModel.Open(_folder["i.safetensors"]);
        float[] probabilities = saved.Predict(pixels);
        Assert.Equal(probabilities, saved.Predict(Array.ConvertAll(pixels, p => (float)p)));

        // As the evaluation of the network itself has it, with running statistics, whatever mode it is in.
        using DataLoader loader = new(_device, source, DataLoaderOptions.Evaluation(3, saved.Data!.Normalization()));
        float[] logits = Evaluation.Outputs(model, loader)[..9];
        for (int i = 0; i < 3; i++)
        {
            LearningTask.Classification(3).Interpret(logits.AsSpan(3 * i, 3));
        }

        Assert.Equal(logits, probabilities, (x, y) => Math.Abs(x - y) < 1e-5);
        DataFiles.AssertOneLine(() => saved.Predict(new byte[15]), "[4, 4, 1]", "15 were given");
    }

    [Fact]
    public void Many_threads_get_the_answers_of_one()
    {
        (Samples samples, float[] expected) = TrainAndSave("t.safetensors");
        using SavedModel saved = SavedModel.Open(_folder["t.safetensors"]);
        saved.Concurrency = 3;
        int wrong = 0;
        Thread[] threads = [.. Enumerable.Range(0, 16).Select(t => new Thread(() =>
        {
            float[] results = new float[2];
            for (int i = 0; i < 2000; i++)
            {
                int index = ((31 * i) + t) % samples.Count;
                saved.Predict(samples.FeaturesOf(index), results);
                if (Math.Abs(results[0] - expected[2 * index]) > 1e-5)
                {
                    Interlocked.Increment(ref wrong);
                }
            }
        }))];
        Array.ForEach(threads, thread => thread.Start());
        Array.ForEach(threads, thread => thread.Join());
        Assert.Equal(0, wrong);
        DataFiles.AssertOneLine(() => saved.Concurrency = 2, "before the first prediction");
    }

    [Fact]
    public void A_call_allocates_nothing_and_its_rows_do_not_depend_on_one_another()
    {
        (Samples samples, float[] expected) = TrainAndSave("a.safetensors");
        using SavedModel saved = SavedModel.Open(_folder["a.safetensors"]);
        saved.Concurrency = 1;
        RandomSource random = new(8);
        for (int i = 0; i < 200; i++)
        {
            // More rows than go through the network together, too.
            int rows = 1 + random.NextInt(70), first = random.NextInt(samples.Count - rows);
            float[] results = saved.Predict(samples.Features.Span.Slice(3 * first, 3 * rows));
            Assert.Equal(expected[(2 * first)..(2 * (first + rows))], results, (x, y) => Math.Abs(x - y) < 1e-5);
        }

        float[] one = new float[2];
        for (int i = 0; i < 100; i++)
        {
            saved.Predict(samples.FeaturesOf(i % samples.Count), one);
        }

        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 100; i++)
        {
            saved.Predict(samples.FeaturesOf(i % samples.Count), one);
            saved.Classify(samples.FeaturesOf(i % samples.Count));
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Fact]
    public void What_does_not_fit_is_refused_in_one_line()
    {
        TrainAndSave("w.safetensors");
        SavedModel saved = SavedModel.Open(_folder["w.safetensors"]);
        DataFiles.AssertOneLine(() => saved.Predict(new float[4]), "samples of [3]", "4 were given");
        DataFiles.AssertOneLine(() => saved.Predict(Array.Empty<float>()), "0 were given");
        DataFiles.AssertOneLine(() => saved.Predict([0, float.NaN, 0]), "feature 1 of sample 0 is NaN");
        DataFiles.AssertOneLine(() => saved.Predict([0, 0, 0], new float[3]), "room for 3");
        DataFiles.AssertOneLine(() => saved.Predict(new byte[3]), "no images");
        DataFiles.AssertOneLine(() => saved.Classify(new float[6]), "one sample of 3");
        saved.Dispose();
        saved.Dispose();
        Assert.Throws<ObjectDisposedException>(() => saved.Predict(new float[3]));

        // A file of weights alone, and one of a module that nobody made known.
        using Module model = Net();
        model.To(_device);
        StateDictionary.Save(model, _folder["plain.safetensors"]);
        using SavedModel plain = SavedModel.Open(_folder["plain.safetensors"]);
        DataFiles.AssertOneLine(() => plain.Predict(new float[3]), "does not say what its samples are");
    }

    [Fact]
    public void A_network_of_ones_own_is_made_known_or_given()
    {
        SampleDataset data = SampleDataset.Split(Points(60));
        using Module model = new Doubled();
        using (Trainer trainer = new(model, data, _device, new TrainingOptions { Epochs = 1, BatchSize = 8 }))
        {
            trainer.Run();
            trainer.Save(_folder["own.safetensors"]);
        }

        using (SavedModel unknown = SavedModel.Open(_folder["own.safetensors"]))
        {
            DataFiles.AssertOneLine(() => unknown.Predict(new float[3]), "does not say what network", "WithNetwork", "Register");
        }

        using SavedModel saved = SavedModel.Open(_folder["own.safetensors"]).WithNetwork(() => new Doubled());
        Assert.Equal(2, saved.Predict(new float[3]).Length);
    }

    [Fact]
    public void A_description_that_its_weights_do_not_fit_is_refused_before_memory_is_taken()
    {
        TrainAndSave("h.safetensors");
        using TensorFile file = TensorFile.Open(_folder["h.safetensors"]);
        Dictionary<string, string> metadata = new(file.Metadata);
        string honest = metadata[NetworkDescription.MetadataKey];
        foreach ((string network, string part) in new[]
        {
            (honest.Replace("\"inputs\":3", "\"inputs\":2000000000", StringComparison.Ordinal), "fits the network"),
            (honest.Replace("\"inputs\":3", "\"inputs\":-3", StringComparison.Ordinal), "at least 1"),
            (honest.Replace("Linear", "Bilinear", StringComparison.Ordinal), "type 'Bilinear'"),
            (honest.Replace("\"bias\":true", "\"bias\":7", StringComparison.Ordinal), "damaged"),
            (honest.Replace("\"inputs\"", "\"imports\"", StringComparison.Ordinal), "no 'inputs'"),
            ("{}", "damaged"),
            ("""{"type":"Sequential","modules":[null]}""", "damaged"),
            ("""{"type":"Linear","inputs":3,"outputs":2,"bias":true,"image":[null,1,3]}""", "damaged"),
            ("""{"type":"AdaptiveAvgPool2d","output_size":[100000,100000]}""", "damaged"),
            ("[", "damaged"),
        })
        {
            metadata[NetworkDescription.MetadataKey] = network;
            SafetensorsWriter.Write(
                _folder["hostile.safetensors"], [.. file.Entries.Select(e => file.Content(e.Name, e))], metadata);
            using SavedModel hostile = SavedModel.Open(_folder["hostile.safetensors"]);
            DataFiles.AssertOneLine(() => hostile.Predict(new float[3]), "hostile.safetensors", part);
            DataFiles.AssertOneLine(() => hostile.CreateNetwork(_device), "hostile.safetensors", part);
        }
    }

    private static Module Net() => new Sequential(new Linear(3, 8), new ReLU(), new Dropout(0.2), new Linear(8, 2));

    // Three features, the first of which decides.
    private static Samples Points(int count)
    {
        RandomSource random = new(9);
        return Samples.OfClasses([.. Enumerable.Range(0, count).Select(_ =>
        {
            float[] x = [(float)random.NextNormal(), (float)random.NextNormal(), 50 + (float)random.NextNormal()];
            return (x, x[0] > 0 ? "high" : "low");
        })]).WithFeatureNames("a", "b", "c");
    }

    private static float[] Values(Module model) => [.. model.Parameters.SelectMany(p => p.Parameter.Value.ToArray<float>())];

    private (Samples Samples, float[] Probabilities) TrainAndSave(string name)
    {
        Samples samples = Points(100);
        SampleDataset data = SampleDataset.Split(samples);
        using Module model = Net();
        using Trainer trainer = new(model, data, _device, new TrainingOptions { Epochs = 3, BatchSize = 8, LearningRate = 0.1 });
        trainer.Run();
        trainer.Save(_folder[name]);
        using SampleLoader loader = new(_device, samples, 100, features: FeatureScaling.Of(data.Train.Features.Span, 3));
        float[] outputs = Evaluation.Outputs(model, loader);
        for (int i = 0; i < samples.Count; i++)
        {
            LearningTask.Classification(2).Interpret(outputs.AsSpan(2 * i, 2));
        }

        return (samples, outputs);
    }

    private sealed class Doubled : Module
    {
        private readonly Linear _layer;

        public Doubled() => _layer = AddChild("layer", new Linear(3, 2));

        protected override Tensor ForwardCore(Tensor input) => _layer.Forward(input) * 2;
    }
}
