using Engine.Data;

namespace Engine.Tests.Data;

public class ImageSourceTests
{
    [Fact]
    public void A_validation_split_is_disjoint_complete_and_repeatable()
    {
        MemoryImageSource source = DataFiles.Images(count: 100);
        (ImageSubset train, ImageSubset validation) = ImageSubset.Split(source, 10, seed: 5);
        Assert.Equal((90, 10), (train.Count, validation.Count));
        Assert.Equal(Enumerable.Range(0, 100), train.Indices.ToArray().Concat(validation.Indices.ToArray()).Order());
        Assert.Equal(validation.Indices.ToArray(), ImageSubset.Split(source, 10, seed: 5).Validation.Indices.ToArray());
        Assert.NotEqual(validation.Indices.ToArray(), ImageSubset.Split(source, 10, seed: 6).Validation.Indices.ToArray());
    }

    [Fact]
    public void A_subset_shows_the_images_it_names()
    {
        MemoryImageSource source = DataFiles.Images(count: 9);
        ImageSubset subset = new(source, [7, 2]);
        byte[] expected = new byte[60];
        byte[] actual = new byte[60];
        source.Read(2, expected);
        subset.Read(1, actual);
        Assert.Equal(expected, actual);
        Assert.Equal(source.Label(7), subset.Label(0));
        Assert.Equal((2, 4, 5, 3, 10), (subset.Count, subset.Height, subset.Width, subset.Channels, subset.ClassNames.Count));
    }

    [Fact]
    public void A_set_with_validation_tests_on_what_it_held_out()
    {
        ImageDataset set = DataSets.Open("digits").WithValidation(200, seed: 1);
        Assert.Equal((1237, 200), (set.Train.Count, set.Test.Count));
    }

    [Fact]
    public void Impossible_sources_are_refused()
    {
        MemoryImageSource source = DataFiles.Images(count: 9);
        DataFiles.AssertOneLine(() => ImageSubset.Split(source, 9, 0), "9 of 9", "1 to 8");
        DataFiles.AssertOneLine(() => ImageSubset.Split(source, 0, 0), "0 of 9");
        DataFiles.AssertOneLine(() => ImageSubset.Split(DataFiles.Images(count: 1), 1, 0), "cannot hold out 1 of 1 image for validation: a split needs at least two images");
        DataFiles.AssertOneLine(() => _ = new ImageSubset(source, [0, 9]), "image 9");
        DataFiles.AssertOneLine(() => _ = new MemoryImageSource(new byte[11], new byte[3], 2, 2, 1, ["a"]), "12 bytes", "11 were given");
        DataFiles.AssertOneLine(() => _ = new MemoryImageSource(new byte[2], [0, 1], 1, 1, 1, ["a"]), "image 1 has label 1", "0 to 0");
    }

    [Fact]
    public void The_data_folder_follows_the_variable_then_XDG_then_home()
    {
        Assert.Equal(Path.GetFullPath("some/where"), DataFolder.Resolve(v => v == "ENGINE_DATA" ? "some/where" : "/x"));
        if (!OperatingSystem.IsWindows())
        {
            Assert.Equal("/c/engine/data", DataFolder.Resolve(v => v switch { "XDG_CACHE_HOME" => "/c", "HOME" => "/h", _ => null }));
            Assert.Equal("/h/.cache/engine/data", DataFolder.Resolve(v => v switch { "XDG_CACHE_HOME" => "relative", "HOME" => "/h", _ => null }));
        }
    }

    /// <summary>Two classes of one image each beside one of six: they are remarked when the split takes them, and only then.</summary>
    [Fact]
    public void A_class_of_which_nothing_is_left_to_train_on_is_remarked()
    {
        MemoryImageSource source = new(new byte[8], [0, 0, 1, 0, 0, 2, 0, 0], 1, 1, 1, ["many", "o\u001bne", "other", "none"]);
        ImageDataset data = new("tiny", source, source, new Augmentation(0, false), "") { Remarks = ["as it was"] };
        HashSet<int> seen = [];
        for (int seed = 0; seed < 40; seed++)
        {
            ImageDataset split = data.WithValidation(4, seed);
            HashSet<int> left = [.. Enumerable.Range(0, split.Train.Count).Select(split.Train.Label)];
            int lost = (left.Contains(1) ? 0 : 1) + (left.Contains(2) ? 0 : 2);
            seen.Add(lost);
            Assert.Equal(
                lost switch
                {
                    0 => ["as it was"],
                    1 => ["as it was", "nothing is left to train on of class 'o?ne': all its images are held out for validation"],
                    2 => ["as it was", "nothing is left to train on of class 'other': all its images are held out for validation"],
                    _ => ["as it was", "nothing is left to train on of 2 classes, all of whose images are held out for validation: 'o?ne', 'other'"],
                },
                split.Remarks);
        }

        Assert.Equal([0, 1, 2, 3], seen.Order());
    }
}
