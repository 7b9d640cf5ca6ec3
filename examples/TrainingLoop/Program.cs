// A training loop written out: batches, loss, backward and step, for programs that want to see or to change each of them.
using Engine;
using Engine.Data;
using Engine.Layers;
using Engine.Models;
using Engine.Optimizers;

using CpuDevice device = new();
ImageDataset data = ImageDataset.Open("digits");
using Module model = Networks.Create("resnet8", channels: 1, classes: 10).To(device);
using Optimizer optimizer = new Sgd(model.Parameters, learningRate: 0.05, momentum: 0.9);
using DataLoader loader = new(device, data.Train, batchSize: 32, shuffle: true);
int epochs = args.Length > 0 ? int.Parse(args[0]) : 3;
for (int epoch = 0; epoch < epochs; epoch++)
{
    double last = 0;
    foreach (Batch batch in loader.Epoch(epoch))
    {
        Tensor loss = model.Forward(batch.Images).CrossEntropy(batch.Labels);
        loss.Backward();
        optimizer.Step();
        last = loss.Item();
    }

    Console.WriteLine($"epoch {epoch + 1}: the last batch's loss is {last:F3}");
}
