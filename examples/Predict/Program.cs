// Classifies held-out images with a saved network: engine train --model resnet8 --epochs 1 --out RUN, then dotnet run -- RUN
using Engine.Data;
using Engine.Models;
using Engine.Training;

using SavedModel saved = Networks.Open(args[0]);
IImageSource digits = ImageDataset.Open("digits").Test;
byte[] pixels = new byte[digits.ImageBytes];
for (int i = 0; i < 10; i++)
{
    digits.Read(i, pixels);
    float[] probabilities = saved.Predict(pixels);
    int best = Array.IndexOf(probabilities, probabilities.Max());
    Console.WriteLine($"image {i}: {saved.OutputNames[best]} with {probabilities[best]:P0}");
}
