// Trains the head of a saved network on another set of images: the backbone is frozen, the last layer starts anew.
using Engine;
using Engine.Data;
using Engine.Formats;
using Engine.Layers;
using Engine.Models;
using Engine.Training;

using CpuDevice device = new();
ImageDataset data = ImageDataset.Open("digits");
using Module model = Networks.Create("resnet8", channels: 1, classes: 10).To(device);
using (SavedModel saved = SavedModel.Open(args[0]))
{
    saved.Load(model, new LoadOptions { Replaced = ["fc"] });
}

TrainingOptions options = new() { FreezeBackbone = true, Epochs = 1, BatchSize = 32, LearningRate = 0.1 };
using Trainer trainer = new(model, data, device, options);
trainer.EpochEnded += e => Console.WriteLine($"epoch {e.Epoch}: {e.Correct} of {e.Total} held-out images right");
trainer.Run();
