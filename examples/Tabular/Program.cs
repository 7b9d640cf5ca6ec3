// Trains on a table, from the header of a CSV file to named classes: Tabular iris.csv species
using Engine;
using Engine.Data;
using Engine.Layers;
using Engine.Tables;
using Engine.Training;

Table table = Table.Open(args[0]);
TableEncoding encoding = TableEncoding.Learn(table, target: args[1]);
SampleDataset data = SampleDataset.Split(encoding.Encode(table), testShare: 0.2) with { Metadata = encoding.Metadata };

// Learned here rather than by the trainer, as new rows are scaled alike below.
FeatureScaling scaling = FeatureScaling.Of(data.Train.Features.Span, encoding.FeatureCount);
data = data with { Features = scaling };

using CpuDevice device = new();
using Module model = new Sequential(new Linear(encoding.FeatureCount, 32), new ReLU(), new Linear(32, encoding.Classes.Count));
TrainingOptions options = new() { Epochs = 100, BatchSize = 16, Optimizer = "adamw", LearningRate = 3e-3 };
using Trainer trainer = new(model, data, device, options);
EpochReport last = trainer.Run().Last!;
Console.WriteLine($"{last.Correct} of {last.Total} held-out rows right");

Samples three = data.Test.Subset(0, data.Test.Count / 2, data.Test.Count - 1);
using SampleLoader loader = new(device, three, batchSize: 3, features: scaling);
float[] outputs = Evaluation.Outputs(model, loader);
for (int row = 0; row < three.Count; row++)
{
    float[] probabilities = outputs[(row * encoding.Classes.Count)..((row + 1) * encoding.Classes.Count)];
    LearningTask.Classification(encoding.Classes.Count).Interpret(probabilities);
    int best = Array.IndexOf(probabilities, probabilities.Max());
    Console.WriteLine($"{encoding.Classes[three.Labels[row]]}: {encoding.Classes[best]} with {probabilities[best]:P0}");
}
