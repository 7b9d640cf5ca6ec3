// A training loop written out: batches, loss, backward and step, for programs that want to see or to change each of them.
using Engine.Data;
using Engine.Devices.Cpu;
using Engine.Layers;
using Engine.Models;
using Engine.Operations;
using Engine.Optimizers;
using Engine.Tensors;

using CpuDevice device = new();
ImageSet data = DataSets.Open("digits");
using Module model = Networks.Create("resnet8", new NetworkOptions { Channels = 1, Classes = 10 }).To(device);
using Optimizer optimizer = new Sgd(model.Parameters, learningRate: 0.05, momentum: 0.9);
using Loader loader = new(device, data.Train, batchSize: 32, shuffle: true);
int epochs = args.Length > 0 ? int.Parse(args[0]) : 3;
for (int epoch = 0; epoch < epochs; epoch++)
{
    double last = 0;
    foreach (Batch batch in loader.Epoch(epoch))
    {
        Tensor loss = model.Call(batch.Images).CrossEntropy(batch.Labels);
        loss.Backward();
        optimizer.Step();
        last = loss.Item();
    }

    Console.WriteLine($"epoch {epoch + 1}: the last batch's loss is {last:F3}");
}
