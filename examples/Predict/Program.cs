// Loads a saved network and classifies held-out images with it. The weights: engine train --model resnet8 --epochs 1 --out RUN
using Engine;
using Engine.Data;
using Engine.Layers;
using Engine.Models;
using Engine.Training;

using CpuDevice device = new();
ImageDataset digits = ImageDataset.Open("digits");
using SavedModel saved = SavedModel.Open(args[0]);
using Module model = Networks.Create("resnet8", channels: 1, classes: 10).To(device).Eval();
saved.Load(model);

using DataLoader loader = new(device, digits.Test, DataLoaderOptions.Evaluation(batchSize: 10, saved.Data!.Normalization()));
using (device.NoGradient())
{
    Batch batch = loader.Epoch(0).First();
    Tensor probabilities = model.Forward(batch.Images).Softmax();
    float[] p = probabilities.ToArray<float>();
    for (int i = 0; i < 10; i++)
    {
        float[] image = p[(10 * i)..(10 * (i + 1))];
        Console.WriteLine($"image {i}: {Array.IndexOf(image, image.Max())} with {image.Max():P0}");
    }
}
