using System.Diagnostics;
using System.Text.RegularExpressions;
using Engine.Cli;
using Engine.Training;

namespace Cli.Tests;

public sealed partial class LiveProgressTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(200, "epoch 12/160  step 340/390  loss 0.1234  train 96.5 %  12,345 images/s  1:02:03 left")]
    [InlineData(75, "epoch 12/160  loss 0.1234  train 96.5 %  12,345 images/s  1:02:03 left")]
    [InlineData(60, "epoch 12/160  loss 0.1234  train 96.5 %  1:02:03 left")]
    [InlineData(40, "epoch 12/160  loss 0.1234  train 96.5 %")]
    [InlineData(26, "epoch 12/160  loss 0.1234")]
    [InlineData(20, "epoch 12/160")]
    [InlineData(7, "epoch 1")]
    [InlineData(0, "")]
    public void A_narrow_terminal_gets_the_parts_that_matter_most(int width, string expected)
    {
        StepReport step = new(12, 160, 340, 390, 4_630, 62_400, 0.1, 0.1234, 0.965, 0.1, 12_345, new TimeSpan(1, 2, 3), 1);
        Assert.Equal(expected, TrainingDisplay.Line(step, width));
    }

    [Fact]
    public void Bar_percentage_and_text_fit_every_terminal()
    {
        for (int width = 16; width <= 300; width++)
        {
            Assert.True(LiveProgress.BarWidth(width) + 1 + 4 + 1 + LiveProgress.TextWidth(width) < width, $"{width} columns");
        }
    }

    // script makes a terminal. What is redrawn must be as many lines at the end as at the beginning, none of them wider than the terminal.
    [Fact]
    public async Task Forty_columns_show_one_line_that_is_redrawn_in_place()
    {
        if (!OperatingSystem.IsLinux())
        {
            return; // Elsewhere script has other options.
        }

        string engine = $"dotnet '{typeof(Program).Assembly.Location}' train --model resnet8 --epochs 2 --batch-size 64 --device cpu --out '{_folder["run"]}'";
        ProcessStartInfo start = new(
            "script", ["-qefc", $"stty cols 40 rows 24; {engine}", "/dev/null"])
        { RedirectStandardOutput = true, RedirectStandardInput = true };
        start.Environment["TERM"] = "xterm";
        using Process process = Process.Start(start)!;
        process.StandardInput.Close();
        string output = await process.StandardOutput.ReadToEndAsync();
        await process.WaitForExitAsync();
        Assert.Equal(0, process.ExitCode);

        string[] drawn = [.. output.Split('\n').Where(line => line.Contains('━')).Select(line => Escapes().Replace(line, "").TrimEnd('\r'))];
        Assert.Contains(drawn, line => line.Contains("epoch 1/2  loss ", StringComparison.Ordinal));
        Assert.All(drawn, line => Assert.InRange(line.Length, 1, 40));
        Assert.All(Up().Matches(output), up => Assert.InRange(int.Parse(up.Groups[1].Value, System.Globalization.CultureInfo.InvariantCulture), 1, 2));
    }

    [GeneratedRegex("\u001b\\[[0-9;?]*[a-zA-Z]|\u001b[=>]")]
    private static partial Regex Escapes();

    [GeneratedRegex("\u001b\\[([0-9]+)A")]
    private static partial Regex Up();
}
