using System.Text.Json.Nodes;
using Engine.Layers;
using Engine.Tests.Formats;
using Engine.Training;

namespace Engine.Tests.Training;

public sealed class RunManifestTests : IDisposable
{
    // What engine train --optimizer adamw ... wrote before manifests had parts.
    private const string Earlier =
        """{"model":"resnet20","model_options":"shortcut=C norm=group:4","data":"digits","channels":3,"pad_to":12,"weights":"old/plain","freeze_backbone":true,"thaw_after":1,"epochs":1,"max_steps":7,"batch_size":512,"micro_batches":2,"learning_rate":0.001,"schedule":"warmup-cosine","optimizer":"adamw","momentum":0.8,"nesterov":true,"beta1":0.8,"beta2":0.99,"epsilon":1E-07,"weight_decay":0.01,"norm_and_bias_decay":false,"clip_norm":1,"clip_value":0.5,"ema":0.9,"label_smoothing":0.25,"padding":2,"mirror":false,"image_size":32,"resize":40,"interpolation":"bicubic","crop":"scale-jitter","color":"jitter","per_pixel_mean":true,"normalization":"pixel","validation_count":3,"seed":9}""";

    private static readonly RunManifest Full = new()
    {
        Model = "resnet20",
        Data = "digits",
        Channels = 3,
        PadTo = 12,
        Weights = "old/plain",
        Training = new TrainingOptions
        {
            FreezeBackbone = true,
            ThawAfter = 1,
            Epochs = 1,
            MaxSteps = 7,
            BatchSize = 512,
            MicroBatches = 2,
            LearningRate = 0.001,
            Schedule = "warmup-cosine",
            Optimizer = "adamw",
            Momentum = 0.8,
            Nesterov = true,
            Beta1 = 0.8,
            Beta2 = 0.99,
            Epsilon = 1e-7,
            WeightDecay = 0.01,
            NormAndBiasDecay = false,
            ClipNorm = 1,
            ClipValue = 0.5,
            Ema = 0.9,
            LabelSmoothing = 0.25,
            Padding = 2,
            Mirror = false,
            PerPixelMean = true,
            Normalization = "pixel",
            ValidationCount = 3,
            Patience = 4,
            KeepBest = true,
            Seed = 9,
        },
    };

    private readonly TemporaryFolder _folder = new();
    private readonly ReferenceDevice _device = new();

    public void Dispose()
    {
        _device.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public void Every_figure_is_read_from_the_JSON_that_earlier_versions_wrote_and_written_under_the_same_name()
    {
        RunManifest read = RunManifest.FromJson(Earlier, "x");
        Assert.Equal(Full.Training with { Patience = null, KeepBest = false }, read.Training);
        Assert.Equal((Full.Model, Full.Data, Full.Channels, Full.PadTo, Full.Weights), (read.Model, read.Data, read.Channels, read.PadTo, read.Weights));

        // A program that knows no parts writes theirs as they were.
        Assert.True(JsonNode.DeepEquals(JsonNode.Parse(Earlier), JsonNode.Parse(read.ToJson())), read.ToJson());
        string[] names = [.. JsonNode.Parse(Full.ToJson())!.AsObject().Select(e => e.Key)];
        Assert.Equal(
            names.Order(),
            JsonNode.Parse(Earlier)!.AsObject().Select(e => e.Key).Except(["model_options", "image_size", "resize", "interpolation", "crop", "color"])
                .Concat(["patience", "keep_best"]).Order());

        // So that none is added without a value here.
        Assert.Equal(typeof(TrainingOptions).GetProperties().Length + typeof(RunManifest).GetProperties().Length - 1, names.Length);
    }

    [Fact]
    public void Every_figure_makes_a_difference_and_passes_through_JSON()
    {
        foreach (System.Reflection.PropertyInfo property in typeof(TrainingOptions).GetProperties())
        {
            TrainingOptions changed = RunManifest.FromJson("{}", "x").Training;
            property.SetValue(changed, property.GetValue(Full.Training));
            RunManifest manifest = new() { Training = changed };
            Assert.Equal(changed, RunManifest.FromJson(manifest.ToJson(), "x").Training);
            Assert.NotEqual(new TrainingOptions(), changed);
            Assert.NotEqual(new RunManifest(), manifest);
        }
    }

    [Fact]
    public void What_is_missing_has_its_default_and_what_is_no_JSON_is_told_with_the_file()
    {
        Assert.Equal(new RunManifest(), RunManifest.FromJson("{}", "x"));
        Assert.Equal(new RunManifest { Training = new TrainingOptions { Epochs = 3 } }, RunManifest.FromJson("""{"epochs":3}""", "x"));
        Assert.StartsWith("""{"model":"resnet20","data":"digits","freeze_backbone":false,""", new RunManifest().ToJson());
        foreach (string damaged in (string[])["", "[]", "null", """{"model":null}""", """{"epochs":"x"}""", """{"epochs":1,"epochs":2}"""])
        {
            Assert.Equal(
                "'run.json' is damaged: the training options are not valid JSON",
                Assert.Throws<EngineException>(() => RunManifest.FromJson(damaged, "run.json")).Message);
        }

        Assert.Equal(
            "'run.json' is damaged: the training options are not valid JSON",
            Assert.Throws<EngineException>(() => RunManifest.FromJson("""{"note":5}""", "run.json").Part<Note>()).Message);
        Assert.Contains("channels is 0", Assert.Throws<EngineException>((Full with { Channels = 0 }).Check).Message);
        Assert.Contains("pad to is 0", Assert.Throws<EngineException>((Full with { PadTo = 0 }).Check).Message);
        Assert.Contains("epochs is 0", Assert.Throws<EngineException>(new RunManifest { Training = new TrainingOptions { Epochs = 0 } }.Check).Message);
    }

    [Fact]
    public void A_part_is_the_object_that_was_given_and_after_reading_what_the_file_has()
    {
        Note note = new("first");
        RunManifest manifest = new RunManifest().With(new Note("never")).With(note).With(new Mark(3));
        Assert.Same(note, manifest.Part<Note>());
        RunManifest read = RunManifest.FromJson(manifest.ToJson(), "x");
        Assert.Equal((note, new Mark(3)), (read.Part<Note>(), read.Part<Mark>()));
        Assert.Equal(manifest, read);
        Assert.Equal(manifest.GetHashCode(), read.GetHashCode());
        Assert.NotEqual(manifest, manifest.With(new Note("other")));
        Assert.Equal(read, manifest.With(note));
        Assert.Equal(new Note(""), new RunManifest().Part<Note>());

        // A program with parts speaks for what it knows; the rest is dropped, as a key that no version has.
        Assert.DoesNotContain("mark", read.With(note).ToJson());
        Assert.Contains("\"mark\":3", (read with { Data = "other" }).ToJson());
    }

    [Fact]
    public void Places_are_left_out_of_what_is_passed_on()
    {
        RunManifest manifest = Full with { Data = "folder:/home/me/cats", Weights = "/home/me/run/weights.safetensors" };
        Assert.Equal(("folder:cats", "weights.safetensors"), (manifest.WithoutPlaces().Data, manifest.WithoutPlaces().Weights));
        Assert.Equal(manifest.Training, manifest.WithoutPlaces().Training);
    }

    // Whether or not the program that resumes knows the part.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_run_goes_on_with_the_parts_that_it_has_and_with_no_others(bool isKnown)
    {
        RunManifest manifest = new RunManifest { Model = "tiny", Data = "stripes", Training = new TrainingOptions { Epochs = 1, BatchSize = 16 } }
            .With(new Note("as it was"));
        RunFolder folder = RunFolder.Create(_folder["run"], manifest);
        Train(folder, manifest.Training);
        RunFolder opened = RunFolder.Open(folder.Path);
        opened.Manifest = isKnown ? opened.Manifest.With(opened.Manifest.Part<Note>()) : opened.Manifest;
        Train(opened, manifest.Training with { Epochs = 2 }, isResumed: true);
        Assert.Equal(manifest with { Training = manifest.Training with { Epochs = 2 } }, RunFolder.Open(folder.Path).Manifest);
        using (SavedModel saved = SavedModel.Open(folder.WeightsPath))
        {
            Assert.Equal((2, new Note("as it was")), (saved.Manifest!.Training.Epochs, saved.Manifest.Part<Note>()));
        }

        opened = RunFolder.Open(folder.Path);
        opened.Manifest = opened.Manifest.With(new Note("another"));
        Assert.Contains(
            "was made with other options", Assert.Throws<EngineException>(() => Train(opened, manifest.Training with { Epochs = 3 }, isResumed: true)).Message);
    }

    [Fact]
    public void A_key_that_no_part_knows_decides_nothing_where_the_parts_are_known()
    {
        RunManifest manifest = new RunManifest { Training = new TrainingOptions { Epochs = 1, BatchSize = 16 } }.With(new Note("x"));
        RunFolder folder = RunFolder.Create(_folder["run"], manifest);
        Train(folder, manifest.Training);
        string path = Path.Combine(folder.Path, "options.json");
        JsonObject options = JsonNode.Parse(File.ReadAllText(path))!.AsObject();
        options["of_a_later_version"] = true;
        File.WriteAllText(path, options.ToJsonString());
        RunFolder opened = RunFolder.Open(folder.Path);
        opened.Manifest = opened.Manifest.With(opened.Manifest.Part<Note>());
        Train(opened, manifest.Training with { Epochs = 2 }, isResumed: true);
        Assert.DoesNotContain("of_a_later_version", File.ReadAllText(path));
    }

    private void Train(RunFolder folder, TrainingOptions options, bool isResumed = false)
    {
        using Module model = TinySet.Network();
        using Trainer trainer = new(model, TinySet.Make(), _device, options, folder);
        if (isResumed)
        {
            trainer.Resume();
        }

        Assert.True(trainer.Run().IsCompleted);
    }

    private sealed record Note(string Text) : IRunPart<Note>
    {
        public static Note ReadFrom(JsonObject manifest) => new((string?)manifest["note"] ?? "");

        public void WriteTo(JsonObject manifest) => manifest["note"] = Text;
    }

    private sealed record Mark(int Number) : IRunPart<Mark>
    {
        public static Mark ReadFrom(JsonObject manifest) => new((int?)manifest["mark"] ?? 0);

        public void WriteTo(JsonObject manifest) => manifest["mark"] = Number;
    }
}
