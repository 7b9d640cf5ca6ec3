using Engine;
using Engine.Data;
using Engine.Layers;
using Engine.Training;
using Engine.Vision;

namespace Vision.Tests;

public sealed class FolderTests : IDisposable
{
    private static readonly string[] Colors = ["baseline.jpg", "full-chroma.jpg", "progressive.jpg", "color.png", "orientation-3.jpg"];
    private static readonly string[] Grays = ["monochrome.jpg", "gray.png", "bits.png", "plain-gray-2.png"];
    private readonly TemporaryFolder _folder = new();
    private readonly CpuDevice _device = new(2);
    private readonly ImageOptions _options = new() { ImageSize = 12, Resize = 14, Color = ColorChange.Lighting };

    public FolderTests()
    {
        foreach (string part in (string[])["train", "val"])
        {
            ImageFixtures.WriteTo(Path.Combine(_folder.Path, part, "color"), Colors);
            ImageFixtures.WriteTo(Path.Combine(_folder.Path, part, "gray"), Grays);
        }
    }

    private string Name => FolderSet.Prefix + _folder.Path;

    public void Dispose()
    {
        _device.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public void Classes_and_files_are_in_order()
    {
        File.WriteAllText(Path.Combine(_folder.Path, "train", "gray", "notes.txt"), "no image");
        ImageDataset set = FolderSet.Open(Name, _options);
        Assert.Equal(["color", "gray"], set.ClassNames);
        Assert.Equal((9, 9), (set.Train.Count, set.Test.Count));
        FolderSource train = (FolderSource)set.Train;
        Assert.Equal([.. Colors.Order(StringComparer.Ordinal), .. Grays.Order(StringComparer.Ordinal)], train.Paths.Select(p => Path.GetFileName(p)));
        Assert.Equal([0, 0, 0, 0, 0, 1, 1, 1, 1], Enumerable.Range(0, 9).Select(train.Label));
        Assert.Equal((12, 12, 3), (train.Height, train.Width, train.Channels));
        Assert.Same(PixelNormalization.ImageNet, set.Normalization);
    }

    [Theory]
    [InlineData(RandomCrop.None)]
    [InlineData(RandomCrop.ResizedCrop)]
    [InlineData(RandomCrop.ScaleJitter)]
    [Trait("Needs", "TurboJPEG")]
    public void Batches_are_the_same_for_any_number_of_threads(RandomCrop crop)
    {
        ImageDataset set = FolderSet.Open(Name, _options with { Crop = crop });
        float[][] one = Batches(set, workers: 1, epoch: 3), many = Batches(set, workers: 7, epoch: 3), usual = Batches(set, workers: null, epoch: 3);
        Assert.Equal(one, many);
        Assert.Equal(one, usual);
        Assert.NotEqual(one, Batches(set, workers: 1, epoch: 4));

        // The second batch is the same where a run goes on with it.
        Assert.Equal(one[1..], Batches(set, workers: 7, epoch: 3, start: 1));
    }

    [Fact]
    [Trait("Needs", "TurboJPEG")]
    public void Training_crops_are_random_and_evaluation_is_not()
    {
        FolderSource source = (FolderSource)FolderSet.Open(Name, _options).Train;
        byte[] first = new byte[source.ImageBytes], second = new byte[source.ImageBytes], again = new byte[source.ImageBytes];
        source.ReadRandom(0, new RandomSource(1), first);
        source.ReadRandom(0, new RandomSource(2), second);
        source.ReadRandom(0, new RandomSource(1), again);
        Assert.NotEqual(first, second);
        Assert.Equal(first, again);
        source.Read(0, second);
        ((IImageSource)source).Read(0, again);
        Assert.Equal(second, again);
        Assert.NotEqual(first, second);
    }

    [Fact]
    [Trait("Needs", "TurboJPEG")]
    public void Images_held_out_for_validation_are_not_cropped_at_random()
    {
        ImageDataset set = FolderSet.Open(Name, _options).WithValidation(4, seed: 1);
        using DataLoader loader = new(_device, set.Test, DataLoaderOptions.Evaluation(4, PixelNormalization.None(3)));
        foreach (Batch batch in loader.Epoch(0))
        {
            byte[] expected = new byte[set.Test.ImageBytes];
            set.Test.Read(batch.Indices[0], expected);
            Assert.Equal(expected.Select(b => b / 255f), batch.Images.ToArray<float>()[..expected.Length], (a, b) => Math.Abs(a - b) < 1e-6);
        }
    }

    [Fact]
    [Trait("Needs", "TurboJPEG")]
    public void Adapted_images_are_cropped_at_random_too_and_gray_ones_have_no_constants_of_colors()
    {
        ImageDataset set = FolderSet.Open(Name, _options).Adapted(channels: 1);
        Assert.Null(set.Normalization);
        Assert.True(set.Train.IsDecoded);
        byte[] first = new byte[set.Train.ImageBytes], second = new byte[set.Train.ImageBytes];
        set.Train.ReadRandom(0, new RandomSource(1), first);
        set.Train.ReadRandom(0, new RandomSource(2), second);
        Assert.Equal(12 * 12, first.Length);
        Assert.NotEqual(first, second);
        Assert.Same(PixelNormalization.ImageNet, FolderSet.Open(Name, _options).Adapted(size: 16).Normalization);
    }

    [Fact]
    [Trait("Needs", "TurboJPEG")]
    public void A_resumed_run_ends_with_the_same_weights_to_the_bit()
    {
        ImageDataset set = FolderSet.Open(Name, _options);
        TrainingOptions options = new() { Epochs = 3, BatchSize = 2, LearningRate = 0.01, Seed = 5 };
        float[] whole = Train(set, options, cancelAfter: null);
        float[] resumed = Train(set, options, cancelAfter: 5);
        Assert.Equal(whole, resumed);
    }

    [Fact]
    [Trait("Needs", "TurboJPEG")]
    public void A_run_whose_images_are_no_longer_read_once_it_is_stopped_is_saved_and_ends_with_the_same_weights()
    {
        TrainingOptions options = new() { Epochs = 3, BatchSize = 2, LearningRate = 0.01, Seed = 5 };
        float[] whole = Train(FolderSet.Open(Name, _options), options, cancelAfter: null);
        using CancellationTokenSource cancellation = new();
        ImageDataset set = FolderSet.Open(Name, _options, cancellation: cancellation.Token);
        using (Trainer first = new(Network(), set, _device, options, RunFolder.Create(_folder["stopped"], new RunManifest { Training = options })))
        {
            first.StepEnded += s =>
            {
                if (s.GlobalStep == 5)
                {
                    cancellation.Cancel();
                }
            };
            Assert.False(first.Run(cancellation.Token).IsCompleted);
        }

        Sequential model = Network();
        using Trainer second = new(model, FolderSet.Open(Name, _options), _device, options, RunFolder.Open(_folder["stopped"]));
        second.Resume();
        Assert.True(second.StepsDone >= 5);
        second.Run();
        float[] resumed = [.. model.Parameters.SelectMany(p => p.Parameter.Value.ToArray<float>())];
        Assert.Equal(whole, resumed);
    }

    [Fact]
    [Trait("Needs", "TurboJPEG")]
    public void The_first_bad_image_of_a_batch_is_named()
    {
        foreach (string name in (string[])["color.png", "full-chroma.jpg", "progressive.jpg"])
        {
            string path = Path.Combine(_folder.Path, "train", "color", name);
            File.WriteAllBytes(path, File.ReadAllBytes(path)[..60]);
        }

        ImageDataset set = FolderSet.Open(Name, _options);
        using DataLoader loader = new(_device, set.Train, DataLoaderOptions.Evaluation(9, PixelNormalization.None(3)) with { Workers = 8 });
        EngineException e = Assert.Throws<EngineException>(() => loader.Epoch(0).Count());
        Assert.Contains(Path.Combine("color", "color.png"), e.Message);
    }

    [Fact]
    public void Folders_that_are_arranged_otherwise_are_refused()
    {
        Refused($"no image folder '{_folder["nowhere"]}'", () => FolderSet.Open(FolderSet.Prefix + _folder["nowhere"], _options));
        Directory.CreateDirectory(_folder["empty"]);
        Refused("none of the folders train, test and val", () => FolderSet.Open(FolderSet.Prefix + _folder["empty"], _options));
        Directory.CreateDirectory(Path.Combine(_folder.Path, "empty", "train"));
        Refused("has no folder for a class", () => FolderSet.Open(FolderSet.Prefix + _folder["empty"], _options));
        Directory.CreateDirectory(Path.Combine(_folder.Path, "empty", "train", "cat"));
        Refused("has no image", () => FolderSet.Open(FolderSet.Prefix + _folder["empty"], _options));
        Directory.CreateDirectory(Path.Combine(_folder.Path, "val", "purple"));
        Refused("purple' is none of the 2 training classes", () => FolderSet.Open(Name, _options));
    }

    [Fact]
    public void A_folder_without_training_images_can_be_evaluated_but_not_trained_on()
    {
        Directory.Delete(Path.Combine(_folder.Path, "train"), recursive: true);
        ImageDataset set = FolderSet.Open(Name, _options);
        Assert.Equal((0, 9), (set.Train.Count, set.Test.Count));
        Refused("has no images to train on", () => new Trainer(Network(), set, _device, new TrainingOptions()));
    }

    [Fact]
    public void Small_images_are_padded_and_large_ones_cropped()
    {
        ImageOptions small = new ImageChoices().For(networkSize: 32), large = new ImageChoices().For(networkSize: 224);
        Assert.Equal(new ImageOptions { ImageSize = 32, Resize = 32, Crop = RandomCrop.None }, small);
        Assert.Equal(new ImageOptions { ImageSize = 224, Resize = 256, Crop = RandomCrop.ResizedCrop }, large);
        Assert.Equal(new Augmentation(4, Mirror: true), FolderSet.Open(Name, small).Augmentation);
        Assert.Equal(new Augmentation(0, Mirror: true), FolderSet.Open(Name, large).Augmentation);
    }

    private static void Refused(string part, Func<object> action)
    {
        EngineException e = Assert.Throws<EngineException>(action);
        Assert.Contains(part, e.Message);
        Assert.DoesNotContain('\n', e.Message);
    }

    private static Sequential Network() => new(
        new Conv2d(3, 4, 3, stride: 2, padding: 1, bias: false), new BatchNorm2d(4), new ReLU(), new AdaptiveAvgPool2d(1), new Flatten(), new Linear(4, 2));

    private float[][] Batches(ImageDataset set, int? workers, int epoch, int start = 0)
    {
        using DataLoader loader = new(
            _device, set.Train, DataLoaderOptions.Training(4, seed: 11, set.Augmentation, set.Normalization!) with { Workers = workers });
        return [.. loader.Epoch(epoch, start).Select(b => b.Images.ToArray<float>())];
    }

    private float[] Train(ImageDataset set, TrainingOptions options, int? cancelAfter)
    {
        string path = _folder[$"run-{cancelAfter}"];
        if (cancelAfter is { } steps)
        {
            using CancellationTokenSource cancellation = new();
            using Trainer first = new(Network(), set, _device, options, RunFolder.Create(path, new RunManifest { Training = options }));
            first.StepEnded += s =>
            {
                if (s.GlobalStep == steps)
                {
                    cancellation.Cancel();
                }
            };
            Assert.False(first.Run(cancellation.Token).IsCompleted);
        }

        Sequential model = Network();
        using Trainer trainer = new(
            model, set, _device, options, cancelAfter is null ? RunFolder.Create(path, new RunManifest { Training = options }) : RunFolder.Open(path));
        if (cancelAfter is not null)
        {
            trainer.Resume();
        }

        trainer.Run();
        return [.. model.Parameters.SelectMany(p => p.Parameter.Value.ToArray<float>())];
    }
}
