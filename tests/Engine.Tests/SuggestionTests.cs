namespace Engine.Tests;

public class SuggestionTests
{
    private static readonly string[] Names = ["train", "cpu", "eval", "predict", "--model", "--momentum", "fashion-mnist", "mnist", "cosine", "warmup-cosine",
        "resnet50", "resnext50_32x4d"];

    [Theory]
    [InlineData("trian", "train")]
    [InlineData("TRAIN", "train")]
    [InlineData("evla", "eval")]
    [InlineData("--modle", "--model")]
    [InlineData("--momentun", "--momentum")]
    [InlineData("mnits", "mnist")]
    [InlineData("fashon-mnist", "fashion-mnist")]
    [InlineData("fashion", "fashion-mnist")]
    [InlineData("cosin", "cosine")]
    [InlineData("ResNet-50", "resnet50")]
    [InlineData("resnext50", "resnext50_32x4d")]
    [InlineData("resnte50", "resnet50")]
    public void A_near_name_is_suggested(string typed, string expected)
    {
        Assert.Equal(expected, Suggestion.Nearest(typed, Names));
        Assert.Equal($"; did you mean '{expected}'?", Suggestion.Phrase(typed, Names));
    }

    [Theory]
    [InlineData("nosuch")]
    [InlineData("")]
    [InlineData("t")]
    [InlineData("tr")]
    [InlineData("tpu")]
    [InlineData("eval2023")]
    [InlineData("something-else")]
    public void A_name_far_from_all_gets_no_suggestion(string typed)
    {
        Assert.Null(Suggestion.Nearest(typed, Names));
        Assert.Equal("", Suggestion.Phrase(typed, Names));
    }
}
