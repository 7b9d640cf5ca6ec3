using Engine;
using Engine.Cli;
using Engine.Models;
using Engine.Training;

namespace Cli.Tests;

public sealed class ChosenNetworkTests
{
    [Theory]
    [InlineData("resnet8", "init=kaiming_uniform fan=fan_in zero_init_residual")]
    [InlineData("highway8", "")]
    [InlineData("vgg11", "")]
    public void The_network_is_made_once_and_has_the_values_of_one_made_for_the_images(string model, string options)
    {
        NetworkOptions made = NetworkOptions.Parse(options);
        ChosenNetwork chosen = ChosenNetwork.Create(model, made with { Channels = 1 });
        Assert.Same(chosen.Network, chosen.Fit(channels: 1, classes: 7));
        Network other = chosen.Fit(channels: 3, classes: 7);
        Assert.NotSame(chosen.Network, other);
        Assert.Equal((3, 7), (other.Channels, other.Classes));

        using CpuDevice device = new(1);
        using Network expected = Networks.Create(model, made with { Channels = 1, Classes = 7 });
        using Network fitted = chosen.Network;
        Assert.Equal(expected.Parameters.Select(p => (p.Name, p.Parameter.Shape)), fitted.Parameters.Select(p => (p.Name, p.Parameter.Shape)));
        if (model == "vgg11")
        {
            return; // Half a GiB of values says no more.
        }

        expected.To(device, 5);
        fitted.To(device, 5);
        foreach (((string name, Engine.Layers.Parameter one), (_, Engine.Layers.Parameter same)) in expected.Parameters.Zip(fitted.Parameters))
        {
            Assert.True(one.Value.ToArray<float>().AsSpan().SequenceEqual(same.Value.ToArray<float>()), name);
        }
    }

    [Fact]
    public void A_runs_network_has_the_runs_options_and_the_users_before_them()
    {
        RunManifest run = new RunManifest { Model = "resnet20" }.With(NetworkOptions.Parse("shortcut=C norm=group"));
        ChosenNetwork chosen = ChosenNetwork.OfRun("x", run, 1, 10, options => options with { Norm = NormalizationKind.None });
        Assert.Equal(("resnet20", "shortcut=C norm=none", 1, 10), (chosen.Model, chosen.Options.ToText(), chosen.Network.Channels, chosen.Network.Classes));
        RunManifest wrong = run.With(new NetworkOptions { Groups = 2 });
        Assert.StartsWith(
            "'x' was trained with a network that cannot be made: BasicBlock only supports groups=1 and base_width=64",
            Assert.Throws<EngineException>(() => ChosenNetwork.OfRun("x", wrong, null, null, options => options)).Message);
        Assert.Throws<UsageException>(() => ChosenNetwork.OfRun("x", run, null, null, options => options with { Groups = 2 }));
    }
}
