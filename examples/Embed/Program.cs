// Trains a small network of one's own on the built-in digits and saves its weights for PyTorch.
using Engine;
using Engine.Data;
using Engine.Formats;
using Engine.Layers;
using Engine.Training;

using CpuDevice device = new();
ImageDataset digits = DataSets.Open("digits");
Module model = new Sequential(
    new Conv2d(1, 16, 3, padding: 1, bias: false), new BatchNorm2d(16), new ReLU(),
    new Conv2d(16, 32, 3, stride: 2, padding: 1, bias: false), new BatchNorm2d(32), new ReLU(),
    new AdaptiveAvgPool2d(1), new Flatten(), new Linear(32, digits.ClassNames.Count));

TrainingOptions options = new() { Epochs = 6, BatchSize = 16, LearningRate = 0.2 };
using Trainer trainer = new(model, digits, device, options);
trainer.EpochEnded += e => Console.WriteLine($"epoch {e.Epoch}: loss {e.TrainLoss:F3}, {e.Correct} of {e.Total} held-out digits right");
trainer.Run();

StateDictionary.Save(model, args.Length > 0 ? args[0] : "digits.safetensors");
