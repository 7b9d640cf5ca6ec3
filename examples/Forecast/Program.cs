// Forecasts the next value of a series from the 48 before it, and says how far off it is beside a guess: the same hour of the day before.
using Engine;
using Engine.Data;
using Engine.Layers;
using Engine.Training;

// Hourly values with a day's and a week's rhythm, and noise that lasts: a stand-in for sales, load or temperature.
RandomSource random = new(1);
float[] series = new float[24 * 7 * 20];
double noise = 0;
for (int t = 0; t < series.Length; t++)
{
    noise = (0.8 * noise) + random.NextNormal();
    series[t] = (float)(100 + (20 * Math.Sin(2 * Math.PI * t / 24)) + (10 * Math.Sin(2 * Math.PI * t / 168)) + (3 * noise));
}

(Samples train, Samples test) = Samples.OfWindows(series, length: 48).SplitInOrder(testShare: 0.2);
using CpuDevice device = new();
using Module model = new Sequential(
    new Conv1d(1, 16, 5, padding: 2), new ReLU(), new Conv1d(16, 16, 5, stride: 2, padding: 2), new ReLU(), new Flatten(), new Linear(24 * 16, 1));
TrainingOptions options = new() { Epochs = 15, BatchSize = 32, Optimizer = "adamw", LearningRate = 2e-3 };
using Trainer trainer = new(model, new SampleDataset(train, test), device, options);
EpochReport last = trainer.Run().Last!;
double guess = Math.Sqrt(Enumerable.Range(0, test.Count).Average(i => Math.Pow(test.Values[i] - test.FeaturesOf(i)[48 - 24], 2)));
Console.WriteLine($"off by {last.Rmse:F2} (R² {last.R2:F3}), where the day before is off by {guess:F2}");
