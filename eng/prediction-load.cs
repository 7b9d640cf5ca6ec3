#!/usr/bin/env dotnet
#:property PublishAot=false
#:property TreatWarningsAsErrors=true
#:project ../src/Models/Models.csproj

// Many threads ask a saved model at once while others of its kind are trained and take its place:
//   dotnet run -c Release eng/prediction-load.cs -- [PREDICTIONS] [THREADS]
// 1,000,000 predictions by 64 threads unless said otherwise. Every answer is compared with what the very model it came from says alone; the resident memory
// after each tenth shows whether anything grows. Ends with exit code 1 where an answer was wrong.
using System.Diagnostics;
using System.Globalization;
using Engine;
using Engine.Data;
using Engine.Layers;
using Engine.Training;

long predictions = args.Length > 0 ? long.Parse(args[0], CultureInfo.InvariantCulture) : 1_000_000;
int threads = args.Length > 1 ? int.Parse(args[1], CultureInfo.InvariantCulture) : 64;
string file = Path.Combine(Directory.CreateTempSubdirectory("engine-load-").FullName, "model.safetensors");
float[] points = new float[2 * 256];
RandomSource random = new(7);
for (int i = 0; i < points.Length; i++)
{
    points[i] = (float)random.NextNormal();
}

Version current = Train(seed: 0);
long asked = 0, wrong = 0;
int trained = 0;
using CancellationTokenSource done = new();
Thread trainer = new(() =>
{
    for (int seed = 1; !done.IsCancellationRequested; seed++)
    {
        Interlocked.Exchange(ref current, Train(seed)).Model.Dispose();
        trained++;
    }
});
Stopwatch watch = Stopwatch.StartNew();
trainer.Start();
Thread[] askers = [.. Enumerable.Range(0, threads).Select(t => new Thread(() => Ask(t)))];
Array.ForEach(askers, asker => asker.Start());
for (int tenth = 1; tenth <= 10; tenth++)
{
    while (Volatile.Read(ref asked) < predictions * tenth / 10)
    {
        Thread.Sleep(10);
    }

    using Process self = Process.GetCurrentProcess();
    Console.WriteLine(string.Create(
        CultureInfo.InvariantCulture,
        $"{asked,12:N0} predictions, {wrong} wrong, {trained,4} models trained, {self.WorkingSet64 >> 20,4} MB resident, {self.Threads.Count} threads, "
            + $"{watch.Elapsed.TotalSeconds:F1} s"));
}

Array.ForEach(askers, asker => asker.Join());
done.Cancel();
trainer.Join();
current.Model.Dispose();
return wrong == 0 ? 0 : 1;

void Ask(int thread)
{
    Span<float> result = stackalloc float[2];
    for (int i = thread; Interlocked.Increment(ref asked) <= predictions; i++)
    {
        int point = i * 31 % 256;
        while (true)
        {
            Version version = Volatile.Read(ref current);
            try
            {
                version.Model.Predict(points.AsSpan(2 * point, 2), result);
                if (Math.Abs(result[0] - version.Expected[2 * point]) > 1e-5f)
                {
                    Interlocked.Increment(ref wrong);
                }

                break;
            }
            catch (ObjectDisposedException) when (version != Volatile.Read(ref current))
            {
            }
        }
    }
}

Version Train(long seed)
{
    RandomSource source = new(seed);
    Samples samples = Samples.OfClasses(Enumerable.Range(0, 500).Select(_ =>
    {
        float[] x = [(float)source.NextNormal(), (float)source.NextNormal()];
        return (x, x[0] * x[1] > 0 ? "same" : "other");
    }));
    using CpuDevice device = new(threads: 1);
    using Module network = new Sequential(new Linear(2, 32), new ReLU(), new Linear(32, 32), new ReLU(), new Linear(32, 2));
    using Trainer run = new(network, SampleDataset.Split(samples), device, new TrainingOptions { Epochs = 3, BatchSize = 32, Seed = seed });
    run.Run();
    run.Save(file);
    SavedModel model = SavedModel.Open(file);
    using SavedModel alone = SavedModel.Open(file);
    return new Version(model, alone.Predict(points));
}

internal sealed record Version(SavedModel Model, float[] Expected);
