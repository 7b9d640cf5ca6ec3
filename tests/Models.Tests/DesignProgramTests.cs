using Engine.Data;
using Engine.Layers;
using Engine.Models;
using Engine.Optimizers;

namespace Engine.Models.Tests;

/// <summary>The training loop that the public API was drawn for, on the network of the paper: examples/TrainingLoop is the same on a smaller one.</summary>
public sealed class DesignProgramTests
{
    [Fact]
    public void A_training_loop_of_ones_own_needs_five_usings_and_learns_the_digits()
    {
        using CpuDevice device = new();
        ImageDataset data = ImageDataset.Open("digits");
        Module model = Networks.Create("resnet20", channels: 1, classes: 10).To(device);
        using Optimizer optimizer = new Sgd(model.Parameters, learningRate: 0.05, momentum: 0.9);
        using DataLoader loader = new(device, data.Train, batchSize: 32, shuffle: true);
        List<double> losses = [];
        for (int epoch = 0; epoch < 3; epoch++)
        {
            foreach (Batch batch in loader.Epoch(epoch))
            {
                Tensor loss = model.Forward(batch.Images).CrossEntropy(batch.Labels);
                loss.Backward();
                optimizer.Step();
                losses.Add(loss.Item());
            }
        }

        Assert.Equal(3 * 44, losses.Count);
        Assert.InRange(losses[^44..].Average(), 0, 0.3);
        model.Dispose();
    }
}
