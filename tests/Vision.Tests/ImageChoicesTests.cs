using System.Text.Json.Nodes;
using Engine;
using Engine.Training;
using Engine.Vision;

namespace Vision.Tests;

public sealed class ImageChoicesTests
{
    private static readonly ImageChoices Full =
        new() { ImageSize = 160, Resize = 200, Interpolation = ResizeFilter.Bicubic, Crop = RandomCrop.ScaleJitter, Color = ColorChange.Jitter };

    [Fact]
    public void What_is_chosen_takes_the_place_of_what_suits_the_network()
    {
        Assert.Equal(
            new ImageOptions { ImageSize = 160, Resize = 200, Filter = ResizeFilter.Bicubic, Crop = RandomCrop.ScaleJitter, Color = ColorChange.Jitter },
            Full.For(32));
        Assert.Equal(ImageOptions.For(32), new ImageChoices().For(32));
        Assert.Equal(ImageOptions.For(64), new ImageChoices { ImageSize = 64 }.For(224));
        Assert.Contains("resize is 100", Assert.Throws<EngineException>(() => new ImageChoices { Resize = 100 }.For(224)).Message);
        Assert.Contains("image size is 0", Assert.Throws<EngineException>(() => new ImageChoices { ImageSize = 0 }.For(224)).Message);
    }

    [Fact]
    public void The_preset_of_the_paper_for_image_folders_jitters_scale_and_lighting() =>
        Assert.Equal(
            (new ImageChoices { Crop = RandomCrop.ScaleJitter, Color = ColorChange.Lighting }, new ImageChoices(), new ImageChoices()),
            (ImageChoices.Preset("imagenet"), ImageChoices.Preset("cifar"), ImageChoices.Preset("quick")));

    [Fact]
    public void Every_choice_passes_through_a_runs_JSON_under_the_name_that_the_command_line_has()
    {
        JsonObject written = JsonNode.Parse(new RunManifest().With(Full).ToJson())!.AsObject();
        JsonObject expected = JsonNode.Parse(new RunManifest().ToJson())!.AsObject();
        (expected["image_size"], expected["resize"], expected["interpolation"], expected["crop"], expected["color"]) = (
            160, 200, "bicubic", "scale-jitter", "jitter");
        Assert.True(JsonNode.DeepEquals(expected, written), written.ToJsonString());

        // Nothing chosen leaves no trace.
        Assert.Equal(new RunManifest().ToJson(), new RunManifest().With(new ImageChoices()).ToJson());
        ImageChoices[] all =
        [
            Full,
            new(),
            .. ImageChoices.Interpolations.Values.Select(filter => new ImageChoices { Interpolation = filter }),
            .. ImageChoices.Crops.Values.Select(crop => new ImageChoices { Crop = crop }),
            .. ImageChoices.Colors.Values.Select(color => new ImageChoices { Color = color }),
        ];
        Assert.All(all, choices => Assert.Equal(choices, RunManifest.FromJson(new RunManifest().With(choices).ToJson(), "x").Part<ImageChoices>()));
        Assert.Equal(
            Enum.GetValues<ResizeFilter>().Length + Enum.GetValues<RandomCrop>().Length + Enum.GetValues<ColorChange>().Length,
            ImageChoices.Interpolations.Count + ImageChoices.Crops.Count + ImageChoices.Colors.Count);
    }

    [Theory]
    [InlineData("\"crop\":\"wild\"", "there is no random crop 'wild'; there are none, resized-crop and scale-jitter")]
    [InlineData("\"color\":\"wild\"", "there is no change of colors 'wild'; there are none, lighting and jitter")]
    [InlineData("\"interpolation\":\"wild\"", "there is no interpolation 'wild'; there are bilinear and bicubic")]
    [InlineData("\"image_size\":\"x\"", "not valid JSON")]
    [InlineData("\"resize\":1.5", "not valid JSON")]
    [InlineData("\"resize\":1e99", "not valid JSON")]
    [InlineData("\"crop\":1", "not valid JSON")]
    [InlineData("\"crop\":{}", "not valid JSON")]
    [InlineData("\"crop\":[]", "not valid JSON")]
    public void A_choice_that_a_run_cannot_have_made_is_one_line(string entry, string expected) =>
        Assert.Contains(expected, Assert.Throws<EngineException>(() => RunManifest.FromJson($"{{{entry}}}", "x").Part<ImageChoices>()).Message);
}
