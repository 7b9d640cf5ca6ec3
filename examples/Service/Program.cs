// Predicts over HTTP, any number of requests at once, and trains anew in the background without a pause: after dotnet run,
// curl "localhost:5000/predict?x=0.4&y=-0.7" and curl -X POST "localhost:5000/train?seed=2"
using Engine;
using Engine.Data;
using Engine.Layers;
using Engine.Training;

WebApplication app = WebApplication.Create(args);
string file = Path.Combine(Directory.CreateTempSubdirectory().FullName, "model.safetensors");
SavedModel current = await TrainAsync(seed: 1, app.Lifetime.ApplicationStopping);
app.MapGet("/predict", (float x, float y) => Classify([x, y]));
app.MapPost("/train", async (long seed, CancellationToken cancellation) =>
    Interlocked.Exchange(ref current, await TrainAsync(seed, cancellation)).Dispose());
app.Run();

Prediction Classify(ReadOnlySpan<float> features)
{
    while (true)
    {
        SavedModel model = current;
        try { return model.Classify(features); }
        catch (ObjectDisposedException) when (model != current) { } // Replaced in between: the new one answers.
    }
}

async Task<SavedModel> TrainAsync(long seed, CancellationToken cancellation)
{
    RandomSource random = new(seed);
    Samples points = Samples.OfClasses(Enumerable.Range(0, 1000).Select(_ =>
    {
        float[] x = [(float)random.NextNormal(), (float)random.NextNormal()];
        return (x, x[0] * x[1] > 0 ? "same sign" : "other sign");
    }));
    using CpuDevice device = new(threads: 1);
    using Module network = new Sequential(new Linear(2, 32), new ReLU(), new Linear(32, 32), new ReLU(), new Linear(32, 2));
    using Trainer trainer = new(network, SampleDataset.Split(points), device, new() { Epochs = 20, BatchSize = 32, Seed = seed });
    app.Logger.LogInformation("{Accuracy:P1} of held-out points right", (await trainer.RunAsync(cancellation)).Last?.Accuracy);
    trainer.Save(file);
    return SavedModel.Open(file);
}
