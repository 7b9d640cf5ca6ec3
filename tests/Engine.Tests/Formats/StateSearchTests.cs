using System.Text;
using Engine.Formats;
using Engine.Layers;

namespace Engine.Tests.Formats;

/// <summary>Where in a file the weights lie, and what stands before their names.</summary>
public sealed class StateSearchTests : IDisposable
{
    private const string Tensor = TorchFile.Tensor;
    private static readonly string Weights = TorchFile.Dict(("fc.weight", Tensor));
    private static readonly string Optimizer = TorchFile.Dict(("state", $"}}K\u0000{TorchFile.Dict(("exp_avg", Tensor))}s"), ("param_groups", "]"));
    private readonly TemporaryFolder _folder = new();

    private string FilePath => _folder["x.pth"];

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("S''\n", "")]
    [InlineData("S\"\"\n", "")]
    [InlineData("S'a'\n", "a")]
    [InlineData("S'\\x41\\n'\n", "A\n")]
    public void A_text_in_quotes_is_a_name_even_without_letters(string pickled, string expected)
    {
        File.WriteAllBytes(FilePath, TorchFile.Zip($"}}({pickled}{TorchFile.Tensor}u"));
        using TensorFile file = TensorFile.Open(FilePath);
        TorchFile.AssertHolds(file, expected);
    }

    // A storage without a type counts bytes; the tensor tells the type.
    [Theory]
    [InlineData("torch.storage\nUntypedStorage")]
    [InlineData("torch.storage\nTypedStorage")]
    [InlineData("torch.storage\n_UntypedStorage")]
    [InlineData("torch\nUntypedStorage")]
    [InlineData("torch\n_TypedStorage")]
    public void A_legacy_files_storage_without_a_type_is_as_long_as_its_bytes(string storage)
    {
        string tensor = $"ctorch._utils\n_rebuild_tensor_v3\n((S'storage'\nc{storage}\nS'0'\nS'cpu'\nK\u0010tQK\u0000(K\u0002K\u0002t(K\u0002K\u0001t\u0089Nctorch\nfloat32\ntR";
        byte[] values = System.Runtime.InteropServices.MemoryMarshal.AsBytes<float>(TorchFile.Numbers).ToArray();
        byte[] pickle = [0x80, 2, .. Encoding.Latin1.GetBytes(TorchFile.Dict(("a", tensor)) + ".")];
        File.WriteAllBytes(FilePath, [.. TorchFile.LegacyStart, .. pickle, 0x80, 2, .. "](S'0'\ne."u8, 16, 0, 0, 0, 0, 0, 0, 0, .. values]);
        using TensorFile file = TensorFile.Open(FilePath);
        TorchFile.AssertHolds(file, "a");
    }

    public static TheoryData<string> Nested() =>
    [
        TorchFile.Dict(("app", TorchFile.Dict(("model", Weights), ("optim", Optimizer)))),
        TorchFile.Dict(("a", TorchFile.Dict(("b", TorchFile.Dict(("c", Weights)))))),
        TorchFile.Dict(("model", "N"), ("ema", Weights), ("optimizer", Optimizer)),
        TorchFile.Dict(("state_dict_ema", TorchFile.Dict(("other.weight", Tensor))), ("state_dict", Weights)),
        TorchFile.Dict(
            ("best", "ctorch._utils\n_rebuild_tensor_v2\n((S'storage'\nctorch\nFloatStorage\nS'0'\nS'cpu'\nK\u0004tQK\u0000))\u0089NtR"), ("epoch", "I3\n"),
            ("mine", Weights)),
        $"({Weights}{Optimizer}I3\nt",
        $"]({Optimizer}{Weights}e",
        "cmy\nDict\n)\u0081S'weights'\n" + Weights + "s",
        TorchFile.Dict(
            ("callbacks", TorchFile.Dict(("EMA", TorchFile.Dict(("other.weight", Tensor))))), ("state_dict", Weights), ("optimizer_states", $"]{Optimizer}a")),
        "ccollections\nCounter\n(" + Weights + "tR",
    ];

    [Theory]
    [MemberData(nameof(Nested))]
    public void The_state_dictionary_is_found_wherever_it_lies(string pickle)
    {
        foreach (byte[] content in (byte[][])[TorchFile.Zip(pickle), TorchFile.Legacy(pickle)])
        {
            using TensorFile file = Open(content);
            TorchFile.AssertHolds(file, "fc.weight");
        }
    }

    [Fact]
    public void Of_several_state_dictionaries_one_is_chosen_by_its_key_and_else_all_are_listed()
    {
        byte[] content = TorchFile.Zip(TorchFile.Dict(
            ("generator", TorchFile.Dict(("g.weight", Tensor))), ("discriminator", TorchFile.Dict(("net", TorchFile.Dict(("d.weight", Tensor)))))));
        EngineException error = Assert.Throws<EngineException>(() => Open(content));
        Assert.Equal(
            $"'{FilePath}' holds several state dictionaries: generator (1 tensor), discriminator.net (1 tensor); choose one with --weights-key KEY",
            error.Message);
        foreach ((string key, string name) in ((string, string)[])[("generator", "g.weight"), ("discriminator", "d.weight"), ("discriminator.net", "d.weight"),
            ("net", "d.weight")])
        {
            using TensorFile file = TensorFile.Open(FilePath, key);
            TorchFile.AssertHolds(file, name);
        }

        error = Assert.Throws<EngineException>(() => TensorFile.Open(FilePath, "nowhere"));
        Assert.Equal($"'{FilePath}' has nothing under 'nowhere', but generator (1 tensor), discriminator.net (1 tensor)", error.Message);
    }

    [Fact]
    public void A_key_may_be_what_names_begin_with_in_every_format()
    {
        using (TensorFile file = Open(TorchFile.Zip(TorchFile.Dict(("state_dict", TorchFile.Dict(("ema.fc.weight", Tensor), ("net.fc.weight", Tensor)))))))
        {
            Assert.Equal(2, file.Entries.Count());
        }

        using (TensorFile part = TensorFile.Open(FilePath, "ema"))
        {
            TorchFile.AssertHolds(part, "fc.weight");
        }

        string path = _folder["x.safetensors"];
        TensorFile.Write(
            path, [new("a.w", StoredType.U8, [1], () => [1]), new("b.w", StoredType.U8, [1], () => [2])], new Dictionary<string, string> { ["k"] = "v" });
        using (TensorFile part = TensorFile.Open(path, "b"))
        {
            Assert.Equal(("w", "v"), (Assert.Single(part.Entries).Name, part.Metadata["k"]));
            Assert.Equal(2, Assert.Single(part.Read(part.Find("w")!)));
        }

        Assert.Contains("has nothing under 'c': its names begin with a, b", Assert.Throws<EngineException>(() => TensorFile.Open(path, "c")).Message);
    }

    [Theory]
    [InlineData("module.")]
    [InlineData("model.")]
    [InlineData("net.")]
    [InlineData("backbone.")]
    [InlineData("encoder.")]
    [InlineData("_orig_mod.")]
    [InlineData("module._orig_mod.")]
    [InlineData("model.module.")]
    [InlineData("learner.student.net.0.")]
    public void What_stands_before_every_name_is_left_out_and_reported(string prefix)
    {
        using ReferenceDevice device = new();
        Small saved = new(), loaded = new();
        saved.To(device, seed: 1);
        loaded.To(device, seed: 2);
        List<StoredTensor> contents = StateDictionary.Contents(saved, prefix);

        // An averaged model's counter stands where the wrapper does, and is no weight.
        string counter = prefix.EndsWith("module.", StringComparison.Ordinal) ? prefix[..^"module.".Length] + "n_averaged" : prefix + "n_averaged";
        TensorFile.Write(FilePath, [.. contents, new StoredTensor(counter, StoredType.I64, [], () => new byte[8])]);
        LoadReport report = StateDictionary.Load(loaded, FilePath);
        Assert.True(report.IsComplete);
        Assert.Equal(prefix, report.Prefix);
        Assert.Equal(saved.Parameters.First().Parameter.Value.ToArray<double>(), loaded.Parameters.First().Parameter.Value.ToArray<double>());

        TensorFile.Write(FilePath, [.. contents, new StoredTensor("criterion.weight", StoredType.F32, [1], () => new byte[4])]);
        Assert.Contains("1 unexpected (criterion.weight)", Assert.Throws<EngineException>(() => StateDictionary.Load(loaded, FilePath)).Message);
    }

    [Theory]
    [InlineData(1, true)]
    [InlineData(2, true)]
    [InlineData(3, false)]
    public void A_beginning_is_left_out_where_it_makes_half_of_the_files_names_the_models(int others, bool isLeftOut)
    {
        using ReferenceDevice device = new();
        Module model = new Small().To(device);
        IEnumerable<StoredTensor> some = StateDictionary.Contents(new Small().To(device), "backbone.").Where(t => t.Name.StartsWith(
            "backbone.conv", StringComparison.Ordinal));
        TensorFile.Write(
            FilePath, [.. some, .. Enumerable.Range(0, others).Select(i => new StoredTensor($"neck.{i}", StoredType.F32, [1], () => new byte[4]))]);
        LoadReport Load() => StateDictionary.Load(model, FilePath, new LoadOptions { AllowPartial = true });
        if (isLeftOut)
        {
            Assert.Equal(("backbone.", 2), (Load().Prefix, Load().Loaded.Count));
        }
        else
        {
            Assert.Contains("none of its 5 entries", Assert.Throws<EngineException>(Load).Message);
        }
    }

    [Fact]
    public void Names_that_a_model_has_itself_keep_their_beginning_and_two_models_in_one_file_are_told()
    {
        using ReferenceDevice device = new();
        Small saved = new();
        saved.To(device, seed: 1);
        TensorFile.Write(FilePath, [.. StateDictionary.Contents(saved, "q."), .. StateDictionary.Contents(saved, "k.")]);
        Assert.Contains("several such models, under k, q: choose one", Assert.Throws<EngineException>(() => StateDictionary.Load(saved, FilePath)).Message);
        using (TensorFile one = TensorFile.Open(FilePath, "q"))
        {
            Assert.True(StateDictionary.Load(saved, one).IsComplete);
        }

        TensorFile.Write(FilePath, StateDictionary.Contents(saved));
        Assert.Equal("", StateDictionary.Load(saved, FilePath).Prefix);
    }

    [Theory]
    [InlineData(StoredType.F32, new long[0])]
    [InlineData(StoredType.F16, new long[0])]
    [InlineData(StoredType.F64, new long[] { 1 })]
    [InlineData(StoredType.I64, new long[] { 1 })]
    [InlineData(StoredType.I32, new long[] { 1, 1 })]
    public void A_counter_is_read_whatever_type_it_was_made(StoredType type, long[] extents)
    {
        using ReferenceDevice device = new();
        Small saved = new(), loaded = new();
        saved.To(device, seed: 1);
        loaded.To(device, seed: 2);
        byte[] seven = type switch
        {
            StoredType.F32 => BitConverter.GetBytes(7f),
            StoredType.F16 => BitConverter.GetBytes((Half)7),
            StoredType.F64 => BitConverter.GetBytes(7.0),
            StoredType.I64 => BitConverter.GetBytes(7L),
            _ => BitConverter.GetBytes(7),
        };
        TensorFile.Write(
            FilePath,
            [.. StateDictionary.Contents(saved).Select(c => c.Name == "bn.num_batches_tracked" ? new StoredTensor(c.Name, type, extents, () => seven) : c)]);
        Assert.True(StateDictionary.Load(loaded, FilePath).IsComplete);
        Assert.Equal(7, loaded.Named().Single(n => n.Name == "bn.num_batches_tracked").Parameter.Value.ToArray<int>()[0]);
    }

    [Theory]
    [InlineData("U16", 2, 4, "U16")]
    [InlineData("U32", 3, 12, "U32")]
    [InlineData("U64", 3, 24, "U64")]
    [InlineData("F8_E5M2", 3, 3, "F8_E5M2")]
    [InlineData("F8_E8M0", 3, 3, "F8_E8M0")]
    [InlineData("F6_E2M3", 4, 3, "F6_E2M3")]
    [InlineData("F6_E3M2", 4, 3, "F6_E3M2")]
    [InlineData("F8_E4M3", 2, 2, "F8_E4M3")]
    [InlineData("C64", 3, 24, "C64")]
    [InlineData("F4", 4, 2, "F4")]
    [InlineData("X9_NEW", 4, 5, "X9_NEW")]
    public void A_tensor_of_another_type_matters_only_to_a_model_that_needs_it(string type, int count, int bytes, string expected)
    {
        byte[] header = Encoding.ASCII.GetBytes($$$"""{"fc.weight":{"dtype":"F32","shape":[1,1],"data_offsets":[0,4]},"codes":{"dtype":"{{{type}}}","shape":[{{{count}}}],"data_offsets":[4,{{{4 + bytes}}}]}}""");
        string path = _folder["x.safetensors"];
        File.WriteAllBytes(path, [.. BitConverter.GetBytes((long)header.Length), .. header, .. new byte[4 + bytes]]);
        using TensorFile file = TensorFile.Open(path);
        Assert.Equal("fc.weight", Assert.Single(file.Entries).Name);
        Assert.Equal(("codes", expected), (file.Unread[0].Name, file.Unread[0].Kind));
        using ReferenceDevice device = new();
        Module model = new OneLayer().To(device);
        Assert.Contains("1 unexpected (codes)", Assert.Throws<EngineException>(() => StateDictionary.Load(model, file)).Message);
        Assert.Equal(["fc.weight"], StateDictionary.Load(model, file, new LoadOptions { AllowPartial = true }).Loaded);
    }

    private TensorFile Open(byte[] content)
    {
        File.WriteAllBytes(FilePath, content);
        return TensorFile.Open(FilePath);
    }

    private sealed class OneLayer : Module
    {
        public OneLayer() => AddChild("fc", new Linear(1, 1, bias: false));

        protected override global::Engine.Tensor ForwardCore(global::Engine.Tensor input) => input;
    }

    private sealed class Small : Module
    {
        public Small()
        {
            AddChild("conv", new Conv2d(1, 2, 3));
            AddChild("bn", new BatchNorm2d(2));
            AddChild("fc", new Linear(2, 2));
        }

        protected override global::Engine.Tensor ForwardCore(global::Engine.Tensor input) => input;
    }
}
