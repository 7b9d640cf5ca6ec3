using Engine.Data;
using Engine.Formats;
using Engine.Layers;
using Engine.Models;
using Engine.Training;

namespace Engine.Models.Tests;

/// <summary>Networks made by name are opened again from the file that training wrote, and predict.</summary>
public sealed class SavedNetworkTests
{
    [Fact]
    public void A_file_of_a_named_network_predicts_by_itself()
    {
        using CpuDevice device = new(threads: 1);
        using TemporaryFolder folder = new();
        ImageDataset digits = ImageDataset.Open("digits");
        using Module model = Networks.Create("resnet8", new NetworkOptions { Channels = 1, Classes = 10, Shortcut = ShortcutKind.C });
        using (Trainer trainer = new(model, digits, device, new TrainingOptions { Epochs = 2, BatchSize = 32, LearningRate = 0.1 }))
        {
            trainer.Run();
            trainer.Save(folder["digits.safetensors"]);
        }

        using SavedModel saved = Networks.Open(folder["digits.safetensors"]);
        byte[] pixels = new byte[64];
        int right = 0;
        for (int i = 0; i < digits.Test.Count; i++)
        {
            digits.Test.Read(i, pixels);
            float[] p = saved.Predict(pixels);
            right += Array.IndexOf(p, p.Max()) == digits.Test.Label(i) ? 1 : 0;
        }

        using DataLoader loader = new(device, digits.Test, DataLoaderOptions.Evaluation(64, saved.Data!.Normalization()));
        Assert.Equal(Evaluation.Run(model, loader).Correct, right);
        Assert.InRange(right, 200, 360);
        using Module made = saved.CreateNetwork(device);
        Assert.Equal(model.ToString(), made.ToString());
    }

    [Theory]
    [InlineData("resnet20")]
    [InlineData("resnext50_32x4d")]
    [InlineData("vgg11_bn")]
    [InlineData("highway20")]
    public void A_network_is_made_again_with_its_options_and_its_head(string name)
    {
        using Network network = Networks.Create(name, channels: 3, classes: 10);
        network.ReplaceHead(7);
        using Module made = NetworkDescription.Make(NetworkDescription.Of(network)!);
        Assert.Equal(network.ToString(), made.ToString());
    }

    [Fact]
    public void Perceptrons_are_made_again_as_they_were()
    {
        Networks.Register();
        foreach (Module module in (Module[])
        [
            new Mlp(4, [8, 6], 3, "gelu", "batch", 0.125), new Mlp(4, [], 1), new ResidualMlpBlock(6, 9, "tanh", "none", 0.25, shortcut: false),
            new ResidualMlp(4, 8, 3, 2, "gelu", "batch", 0.5, shortcut: false), new ResidualMlp(4, 8, 0, 2),
        ])
        {
            using Module made = NetworkDescription.Make(NetworkDescription.Of(module)!);
            Assert.Equal((module.GetType(), module.ToString()), (made.GetType(), made.ToString()));
            Assert.Equal(NetworkDescription.Of(module), NetworkDescription.Of(made));
        }
    }

    [Fact]
    public void A_description_that_is_too_deep_is_refused_at_once()
    {
        Networks.Register();
        string text = NetworkDescription.Of(new ResidualMlp(4, 8, 3, 2))!.Replace("\"blocks\":3", "\"blocks\":2000000000", StringComparison.Ordinal);
        Assert.Contains("2,000,000,000 layers", Assert.Throws<EngineException>(() => NetworkDescription.Make(text)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_description_of_another_type_than_its_name_is_refused()
    {
        using Network network = Networks.Create("resnet20", channels: 3, classes: 10);
        string text = NetworkDescription.Of(network)!;
        EngineException error = Assert.Throws<EngineException>(
            () => NetworkDescription.Make(text.Replace("\"resnet20\"", "\"vgg11\"", StringComparison.Ordinal)));
        Assert.Contains("'vgg11' is no CifarResNet", error.Message, StringComparison.Ordinal);
        Assert.Contains("there is no network 'nosuch'", Assert.Throws<EngineException>(
            () => NetworkDescription.Make(text.Replace("\"resnet20\"", "\"nosuch\"", StringComparison.Ordinal))).Message, StringComparison.Ordinal);
    }
}
