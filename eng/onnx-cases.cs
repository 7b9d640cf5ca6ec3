#!/usr/bin/env dotnet
#:project ../src/Models/Models.csproj
#:project ../src/Onnx/Onnx.csproj
#:property PublishAot=false

// Writes ONNX files of networks of every family with drawn weights, and beside each its images and the engine's logits, for
// eng/run-onnx-cases.mjs, which compares them with ONNX Runtime's:
//   dotnet run eng/onnx-cases.cs DIR [MODEL...]
//   (cd DIR && npm install --ignore-scripts onnxruntime-node)
//   node eng/run-onnx-cases.mjs DIR
using System.Runtime.InteropServices;
using System.Text.Json.Nodes;
using Engine;
using Engine.Layers;
using Engine.Models;
using Engine.Onnx;

if (args.Length == 0)
{
    Console.Error.WriteLine("usage: dotnet run eng/onnx-cases.cs DIR [MODEL...]");
    return 2;
}

const int Batch = 2;
Directory.CreateDirectory(args[0]);
using CpuDevice device = new();
List<(
    string Name, Func<Network> Make,
    int Size)> cases = [.. args[1..].Select(name => (name, (Func<Network>)(() => Networks.Create(name)), Networks.Create(name).ImageSize))];
if (cases.Count == 0)
{
    cases =
    [
        ("resnet20", () => Networks.Create("resnet20"), 32),
        ("resnet20-shortcut-b", () => Networks.Create("resnet20", new NetworkOptions { Shortcut = ShortcutKind.B }), 32),
        ("resnet20-shortcut-c", () => Networks.Create("resnet20", new NetworkOptions { Shortcut = ShortcutKind.C }), 31),
        ("resnet20-zeros-after", () => Networks.Create("resnet20", new NetworkOptions { Zeros = ZeroPlacement.After }), 32),
        ("plain20", () => Networks.Create("plain20"), 32),
        ("resnet18", () => Networks.Create("resnet18"), 224),
        ("resnet50", () => Networks.Create("resnet50"), 224),
        ("resnet50-v1", () => Networks.Create("resnet50", new NetworkOptions { BottleneckStride = BottleneckStride.First }), 97),
        ("resnet18-group-norm", () => Networks.Create("resnet18", new NetworkOptions { Norm = NormalizationKind.Group }), 64),
        ("resnet50-dilation", () => Networks.Create("resnet50", new NetworkOptions { ReplaceStrideWithDilation = [false, true, true] }), 64),
        ("resnext50_32x4d", () => Networks.Create("resnext50_32x4d"), 96),
        ("wide_resnet50_2", () => Networks.Create("wide_resnet50_2"), 96),
        ("highway20", () => Networks.Create("highway20"), 32),
        ("resnet20-no-norm", () => Networks.Create("resnet20", new NetworkOptions { Norm = NormalizationKind.None }), 32),
        ("plain34", () => Networks.Create("plain34"), 224),
        ("vgg19", () => Networks.Create("vgg19"), 224),
        ("vgg19_bn", () => Networks.Create("vgg19_bn"), 96),
    ];
}

foreach ((string name, Func<Network> make, int size) in cases)
{
    Network network = make();
    network.To(device, seed: 1);
    RandomSource random = new(2);
    foreach ((string parameter, Parameter value) in network.Named())
    {
        // Running statistics and offsets unlike a fresh network's, so that leaving one out shows.
        if (value.Shape.Rank == 1)
        {
            bool isFactor = parameter.EndsWith("var", StringComparison.Ordinal) || (parameter.EndsWith("weight", StringComparison.Ordinal));
            value.Value.Write<float>([.. Enumerable.Range(0, value.Shape.Count).Select(
                _ => (float)(isFactor ? 0.5 + random.NextDouble() : 0.1 * random.NextNormal()))]);
        }
    }

    Shape images = new(Batch, size, size, network.Channels);
    float[] pixels = new float[images.Count], first = new float[images.Count];
    for (int i = 0; i < pixels.Length; i++)
    {
        pixels[i] = (float)random.NextNormal();
        (int image, int pixel, int channel) = (i / (size * size * network.Channels), i / network.Channels % (size * size), i % network.Channels);
        first[(((image * network.Channels) + channel) * size * size) + pixel] = pixels[i];
    }

    using Tensor input = Tensor.From<float>(device, images, pixels);
    network.Eval();
    float[] logits;
    using (device.NoGradient())
    {
        logits = network.Forward(input).ToArray<float>();
    }

    (string Suffix, OnnxExportOptions Options)[] variants =
        [("", new()), ("-folded", new() { FoldBatchNorm = true }), ("-opset22", new() { Opset = 22, Batch = Batch })];
    foreach ((string suffix, OnnxExportOptions options) in variants)
    {
        OnnxExport.Save(network, new Shape(1, size, size, network.Channels), Path.Combine(args[0], $"{name}{suffix}.onnx"), options);
    }

    File.WriteAllBytes(Path.Combine(args[0], $"{name}.input"), MemoryMarshal.AsBytes<float>(first).ToArray());
    File.WriteAllBytes(Path.Combine(args[0], $"{name}.logits"), MemoryMarshal.AsBytes<float>(logits).ToArray());
    JsonObject about = new()
    {
        ["extents"] = new JsonArray(Batch, network.Channels, size, size),
        ["files"] = new JsonArray([.. variants.Select(v => JsonValue.Create($"{name}{v.Suffix}.onnx"))]),
    };
    File.WriteAllText(Path.Combine(args[0], $"{name}.json"), about.ToJsonString());
    Console.WriteLine(name);
    foreach ((_, Parameter parameter) in network.Named())
    {
        parameter.Value.Dispose();
    }
}

return 0;
