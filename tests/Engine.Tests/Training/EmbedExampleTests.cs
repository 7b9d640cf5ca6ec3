using System.Reflection;
using Engine.Formats;
using Engine.Tests.Formats;

namespace Engine.Tests.Training;

/// <summary>Runs examples/Embed as it is, which the README quotes.</summary>
public sealed class EmbedExampleTests
{
    [Fact]
    public void The_example_is_short_trains_and_saves_its_weights()
    {
        using TemporaryFolder folder = new();
        Assembly example = Assembly.Load("Embed");
        TextWriter console = Console.Out;
        using StringWriter output = new();
        Console.SetOut(output);
        try
        {
            example.EntryPoint!.Invoke(null, [new[] { folder["digits.safetensors"] }]);
        }
        finally
        {
            Console.SetOut(console);
        }

        string last = output.ToString().TrimEnd().Split('\n')[^1];
        int correct = int.Parse(last.Split(", ")[1].Split(' ')[0]);
        Assert.InRange(correct, 300, 360);
        using SafetensorsFile file = SafetensorsFile.Open(folder["digits.safetensors"]);
        Assert.Equal([32, 16, 3, 3], file.Find("3.weight")!.Extents);
    }
}
