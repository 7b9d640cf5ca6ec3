using System.Text.Json;
using System.Text.Json.Nodes;
using Engine.Data;
using Engine.Training;

namespace Engine.Tests.Training;

public class DataDescriptionTests
{
    private static readonly DataDescription Sound = new()
    {
        Name = "folder:pets",
        Classes = ["cat", "dog"],
        Height = 4,
        Width = 5,
        Channels = 3,
        Mean = [0.1, 0.2, 0.3],
        Deviation = [1, 2, 3],
    };

    [Theory]
    [InlineData("digits", "digits")]
    [InlineData("folder:/home/me/pets", "folder:pets")]
    [InlineData("folder:/home/me/pets/", "folder:pets")]
    [InlineData(@"folder:C:\Users\me\pets", "folder:pets")]
    [InlineData("folder:pets", "folder:pets")]
    [InlineData("folder:/", "folder:/")]
    [InlineData("folder:", "folder:")]
    [InlineData("a/b", "a/b")]
    [InlineData(":/x/y", ":y")]
    public void A_name_is_told_without_the_folders_place(string name, string shown) => Assert.Equal(shown, DataDescription.WithoutPlace(name));

    [Fact]
    public void What_is_written_is_read_again_and_the_place_is_left_out()
    {
        DataDescription read = Read((Sound with { Name = "folder:/home/me/pets" }).ToJson())!;
        Assert.Equal(("folder:pets", 4, 5, 3), (read.Name, read.Height, read.Width, read.Channels));
        Assert.Equal(Sound.Classes, read.Classes);
        Assert.Equal(Sound.Mean, read.Mean);
        Assert.Equal(Sound.Deviation, read.Deviation);
        Assert.NotNull(Read((Sound with { Mean = new double[60] }).ToJson()));
    }

    public static TheoryData<DataDescription> Unsound =>
    [
        Sound with { Height = 0 }, Sound with { Width = 0 }, Sound with { Channels = 0, Mean = [], Deviation = [] }, Sound with { Classes = [] },
        Sound with { Mean = [1, 2] }, Sound with { Mean = [1, 2, 3, 4] }, Sound with { Deviation = [1, 2] }, Sound with { Mean = new double[59] },
        Sound with { Height = -4, Width = -5, Mean = new double[60] },
    ];

    [Theory]
    [MemberData(nameof(Unsound))]
    public void A_description_that_cannot_be_is_refused(DataDescription data)
    {
        string message = Assert.Throws<EngineException>(() => Read(data.ToJson())).Message;
        Assert.Equal($"the weights' description of 'folder:pets' does not fit images of {data.Height}x{data.Width}x{data.Channels}", message);
    }

    // Somebody else's text under the same name is no description.
    [Theory]
    [InlineData("")]
    [InlineData("no JSON")]
    [InlineData("null")]
    [InlineData("3")]
    [InlineData("[\"classes\", \"mean\", \"deviation\"]")]
    [InlineData("{}")]
    [InlineData("{\"classes\": [], \"mean\": []}")]
    [InlineData("{\"mean\": [], \"deviation\": []}")]
    public void A_text_of_others_is_none(string text) => Assert.Null(Read(text));

    [Fact]
    public void One_whose_values_are_of_other_kinds_is_not_valid()
    {
        JsonObject json = JsonNode.Parse(Sound.ToJson())!.AsObject();
        json["height"] = "four";
        EngineException error = Assert.Throws<EngineException>(() => Read(json.ToJsonString()));
        Assert.Equal("the weights' description of their data set is not valid JSON", error.Message);
        Assert.IsType<JsonException>(error.InnerException);
    }

    [Fact]
    public void A_description_of_a_set_has_its_figures()
    {
        ImageDataset set = TinySet.Make();
        DataDescription data = DataDescription.Of(set, PixelNormalization.Constant([0.5], [0.25]));
        Assert.Equal(("stripes", 6, 6, 1), (data.Name, data.Height, data.Width, data.Channels));
        Assert.Equal(["across", "down"], data.Classes);
        Assert.Equal([0.5], data.Mean);
        Assert.Equal([0.25], data.Deviation);
        data.Normalization();
    }

    [Fact]
    public void A_fingerprint_tells_sets_apart_by_names_labels_and_counts()
    {
        string Print(byte[] labels, string[] classes, int test = 1) => ImageFingerprint.Of(new ImageDataset(
            "x", Images(labels, classes), Images(new byte[test], classes), new Augmentation(0, false), "here")).ToString();
        string one = Print([0, 1, 0], ["a", "b"]);
        Assert.Equal(one, Print([0, 1, 0], ["a", "b"]));
        Assert.All(
            (string[])[Print([0, 1, 1], ["a", "b"]), Print([1, 0, 0], ["a", "b"]), Print([0, 1], ["a", "b"]), Print([0, 1, 0], ["a", "c"]),
                Print([0, 1, 0], ["ab", ""]), Print([0, 1, 0], ["a", "b"], test: 2)],
            other => Assert.NotEqual(one, other));
        Assert.Matches("^3 [0-9a-f]+ 1 [0-9a-f]+$", one);

        ImageFingerprint prints = ImageFingerprint.Of(new ImageDataset(
            "x", Images([0, 1, 0], ["a", "b"]), Images([0], ["a", "b"]), new Augmentation(0, false), "here"));
        prints.Check("file", new Dictionary<string, string>());
        prints.Check("file", new Dictionary<string, string> { [ImageFingerprint.MetadataKey] = one });
        string[] words = one.Split(' ');
        foreach ((string text, string part) in ((string, string)[])[
            ($"4 {words[1]} 1 {words[3]}", "the training images have changed since 'file' was written: there were 4, now there are 3"),
            ($"3 {words[1]} 2 {words[3]}", "the test images have changed since 'file' was written: there were 2, now there are 1"),
            ($"3 {words[3]} 1 {words[3]}", "there are still 3, but their names or labels differ"), ("3 a 1", "is damaged"),
            ($"x {words[1]} 1 {words[3]}", "is damaged"), ($"3 {words[1]} x {words[3]}", "is damaged"), ($"{one} x", "is damaged")])
        {
            EngineException error = Assert.Throws<EngineException>(
                () => prints.Check("file", new Dictionary<string, string> { [ImageFingerprint.MetadataKey] = text }));
            Assert.Contains(part, error.Message);
        }
    }

    private static MemoryImageSource Images(byte[] labels, string[] classes) => new(new byte[labels.Length], labels, 1, 1, 1, classes);

    private static DataDescription? Read(string json) => DataDescription.Read(new Dictionary<string, string> { [DataDescription.MetadataKey] = json });
}
