using Engine.Formats;
using Engine.Layers;
using Engine.Tests.Data;

namespace Engine.Tests.Formats;

/// <summary>Networks as text: every layer of the engine goes there and back.</summary>
public sealed class NetworkDescriptionTests
{
    // Each with arguments that are not its defaults.
    private static readonly Module[] Layers =
    [
        new Conv2d(4, 6, new Size2(3, 5), new Size2(1, 2), new Size2(2, 1), new Size2(1, 2), groups: 2, bias: false),
        new Linear(12, 5, bias: false, image: new Shape(2, 3, 2)), new Linear(3, 4), new BatchNorm2d(7, 1e-3, 0.25), new GroupNorm(2, 8, 1e-4),
        new MaxPool2d(new Size2(2, 3), new Size2(1, 2), new Size2(1, 0)), new AvgPool2d(3, 2, 1, countPadding: false),
        new AdaptiveAvgPool2d(new Size2(2, 1)), new Dropout(0.125), new ReLU(), new Flatten(), new Identity(), new IdentityNormalization(),
        new GELU("tanh"), new GELU(), new Tanh(), new Sigmoid(), new BatchNorm1d(5, 1e-3, 0.25), new LayerNorm(6, 1e-4),
        new Conv1d(4, 6, 3, stride: 2, padding: 1, dilation: 2, groups: 2, bias: false), new MaxPool1d(4, 2, 1), new AvgPool1d(4, 3, 2, countPadding: false),
        new AdaptiveAvgPool1d(3), new Sequential(new Sequential(new ReLU()), new Identity()), new Sequential(),
    ];

    [Fact]
    public void Every_layer_is_made_again_as_it_was()
    {
        foreach (Module layer in Layers)
        {
            string text = NetworkDescription.Of(layer)!;
            Module made = NetworkDescription.Make(text);
            Assert.Equal(layer.GetType(), made.GetType());
            Assert.Equal(layer.ToString(), made.ToString());
            Assert.Equal(text, NetworkDescription.Of(made));
            Assert.Equal(layer.Named().Select(p => (p.Name, p.Parameter.Shape)), made.Named().Select(p => (p.Name, p.Parameter.Shape)));
        }
    }

    [Fact]
    public void Every_layer_of_the_engine_has_a_test_here()
    {
        // A wrapper for measurements is no part of a network that is saved.
        HashSet<Type> tested = [.. Layers.Select(l => l.GetType()), typeof(FlipAveraging)];
        Assert.DoesNotContain(
            typeof(Module).Assembly.GetExportedTypes(), type => type.IsSubclassOf(typeof(Module)) && !type.IsAbstract && !tested.Contains(type));
    }

    [Fact]
    public void A_module_that_is_not_known_leaves_a_network_without_a_description()
    {
        Assert.Null(NetworkDescription.Of(new Own()));
        Assert.Null(NetworkDescription.Of(new Sequential(new ReLU(), new Own())));
        NetworkDescription.Register<Known>("test.known", (m, a) => a.Set("times", m.Times), a => new Known(a.Int("times")));
        Module made = NetworkDescription.Make(NetworkDescription.Of(new Sequential(new Known(3)))!);
        Assert.Equal(3, Assert.IsType<Known>(made.Children[0].Module).Times);
    }

    [Fact]
    public void A_text_that_nests_without_end_is_refused()
    {
        string nested = string.Concat(Enumerable.Repeat("""{"type":"Sequential","modules":[""", 200)) + string.Concat(Enumerable.Repeat("]}", 200));
        DataFiles.AssertOneLine(() => NetworkDescription.Make(nested), "damaged");
        string wide = $$"""{"type":"Sequential","modules":[{{string.Join(',', Enumerable.Repeat("""{"type":"ReLU"}""", 20_001))}}]}""";
        DataFiles.AssertOneLine(() => NetworkDescription.Make(wide), "more than 20,000 modules");
        Assert.Contains("3 groups", Assert.Throws<ShapeException>(
            () => NetworkDescription.Make("""{"type":"GroupNorm","groups":3,"channels":4,"epsilon":1}""")).Message, StringComparison.Ordinal);
        DataFiles.AssertOneLine(() => NetworkDescription.Make("""{"type":"Dropout","probability":"half"}"""), "damaged");
        DataFiles.AssertOneLine(() => NetworkDescription.Make("""{"type":"AdaptiveAvgPool2d","output_size":[1]}"""), "damaged");
        DataFiles.AssertOneLine(() => NetworkDescription.Make("""{"type":"Sequential","modules":[3]}"""), "damaged");
    }

    private sealed class Own : Module
    {
        protected override Tensor ForwardCore(Tensor input) => input;
    }

    private sealed class Known(int times) : Module
    {
        public int Times => times;

        protected override Tensor ForwardCore(Tensor input) => input * times;
    }
}
