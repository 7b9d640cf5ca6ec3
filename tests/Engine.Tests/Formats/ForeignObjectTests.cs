using Engine.Formats;
using Engine.Layers;

namespace Engine.Tests.Formats;

/// <summary>
/// PyTorch files with objects of unknown classes: beside the weights they are read past and do nothing, in a weight's place they are refused.
/// </summary>
public sealed class ForeignObjectTests : IDisposable
{
    private const string Tensor = TorchFile.Tensor;
    private readonly TemporaryFolder _folder = new();

    private string FilePath => _folder["x.pth"];

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("foreign.protocol0.zip.pth")]
    [InlineData("foreign.protocol0.legacy.pth")]
    [InlineData("foreign.protocol2.zip.pth")]
    [InlineData("foreign.protocol2.legacy.pth")]
    [InlineData("foreign.protocol4.zip.pth")]
    [InlineData("foreign.protocol4.legacy.pth")]
    public void Weights_among_objects_of_many_classes_that_PyTorch_has_saved_are_read_to_the_last_bit(string name)
    {
        using TensorFile file = TensorFile.Open(CheckpointData.FilePath(name));
        CheckpointData.AssertEqual(CheckpointData.Tensors("foreign"), file);
    }

    [Theory]
    [InlineData("cargparse\nNamespace\n)\u0081}S'lr'\nF0.1\nsb")]
    [InlineData(
        "cnumpy.core.multiarray\nscalar\n(cnumpy\ndtype\n(S'f8'\nI00\nI01\ntR(I3\nS'<'\nNNNI-1\nI-1\nI0\ntbc_codecs\nencode\n(V\\x00\u00e0V@\nS'latin1'\ntRtR")]
    [InlineData(
        "cnumpy._core.multiarray\nscalar\n(cnumpy\ndtype\n(S'f8'\nI00\nI01\ntR(I3\nS'<'\nNNNI-1\nI-1\nI0\ntbC\u0008\u0000\u0000\u0000\u0000\u0000\u00e0V@tR")]
    [InlineData("cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntC\u0001btR(I1\n(I2\ntcnumpy\ndtype\n(S'i8'\nI00\nI01\ntRI00\nC\u0001xtb")]
    [InlineData("ccollections\nCounter\n(}(I10\nI1\nI20\nI1\nutR")]
    [InlineData("ccopy_reg\n_reconstructor\n(cmy\nDict\nc__builtin__\ndict\n}S'a'\nI1\nstR")]
    [InlineData("ccopyreg\n_reconstructor\n(cmy\nThing\nc__builtin__\nobject\nNtR}S'a'\nI1\nsb")]
    [InlineData("(S'x'\nimy.package\nThing\n")]
    [InlineData("(cmy\nThing\nS'x'\no")]
    [InlineData("cmy\nThing\n)}S'k'\nI1\ns\u0092")]
    [InlineData("cmy\nThing\n)\u0081}}S'slot'\nI1\ns\u0086b")]
    [InlineData("cmy\nThing\n)\u0081(I1\nI2\ntb")]
    [InlineData("cmy\nThing\n)\u0081Nb")]
    [InlineData("\u0082\u0007)R")]
    [InlineData("\u0083\u0007\u0001)\u0081")]
    [InlineData("\u0084\u0007\u0000\u0001\u0000")]
    [InlineData("P12\n")]
    [InlineData("P('storage', <class 'torch.FloatStorage'>, '0', 'cpu', 4)\n")]
    [InlineData("S'a process'\nQ")]
    [InlineData("(S'module'\ncmy\nNet\nS'net.py'\nS'class Net: ...'\ntQ)\u0081")]
    [InlineData("cfastcore.foundation\nL\n)\u0081(I1\nI2\ne")]
    [InlineData("cfastcore.foundation\nL\n)\u0081I1\na")]
    [InlineData("cmy\nDict\n)\u0081S'a'\nI1\ns(S'b'\nI2\nu}b")]
    [InlineData("cmy\nSet\n)\u0081(I1\n\u0090")]
    [InlineData("cfunctools\npartial\n(cos\nsystem\ntR(cos\nsystem\n(S'touch owned'\nt}Ntb)R")]
    [InlineData("cos\nsystem\n(S'touch owned'\ntR")]
    [InlineData("c__builtin__\ngetattr\n(cmy\nColor\nS'RED'\ntR)R")]
    [InlineData("}cpathlib\nPosixPath\n(S'/'\nS'a'\ntRI1\ns")]
    [InlineData("}((I1\n\u0091I1\nC\u0001bI2\nL1237940039285380274899124224L\nI3\nNI4\n)I5\nu")]
    [InlineData("c__builtin__\nset\n((cmy\nThing\n)\u0081ltR")]
    [InlineData("c__builtin__\nint\n(S'1'\ntR")]
    [InlineData("c__builtin__\nbytearray\n(Vabc\nS'latin-1'\ntR")]
    [InlineData("ctorch\nFloatStorage\n(I3\ntR")]
    [InlineData("ctorch\nGenerator\n)R")]
    [InlineData("ctorch.serialization\n_get_layout\n(S'torch.strided'\ntR")]
    [InlineData("ctorch._tensor\n_rebuild_from_type_v2\n(ctorch._utils\n_rebuild_wrapper_subclass\nctorch.distributed.tensor\nDTensor\n(I1\nt}tR")]
    [InlineData("ctorch._utils\n_rebuild_tensor_v2\n(cmy\nStorage\n)\u0081K\u0000)))NtR")]
    [InlineData("\u0088\u0085cmy\nThing\n(K\u0001tR\u0086")]
    [InlineData("Vcaf\u00e9 \\u20ac \\U0001f600 \\n\n")]
    [InlineData("S'a\\x00\\'\\n'\n")]
    [InlineData("X\u0005\u0000\u0000\u0000a\u00ed\u00b3\u00bfb")]
    [InlineData("Fnan\n")]
    [InlineData("]2a")]
    public void An_object_beside_the_weights_is_read_past_and_does_nothing(string odd)
    {
        string pickle = TorchFile.Dict(("before", odd + "0N"), ("state_dict", TorchFile.Dict(("fc.weight", Tensor))), ("after", odd));
        foreach (byte[] content in (byte[][])[TorchFile.Zip(pickle), TorchFile.Legacy(pickle)])
        {
            File.WriteAllBytes(FilePath, content);
            using TensorFile file = TensorFile.Open(FilePath);
            TorchFile.AssertHolds(file, "fc.weight");
        }

        Assert.False(File.Exists("owned"));
    }

    [Theory]
    [InlineData(
        "cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntC\u0001btR", "fc.weight, which is numpy.ndarray and cannot be read",
        "torch.from_numpy")]
    [InlineData("cmy\nThing\n)\u0081", "fc.weight, which is my.Thing and cannot be read", "fit the model")]
    [InlineData("ctorch._utils\n_rebuild_qtensor\n(tR", "fc.weight, which is a quantized tensor", "before they are quantized")]
    [InlineData(
        "ctorch._utils\n_rebuild_parameter\n(ctorch._utils\n_rebuild_qtensor\n(tRI01\nNtR", "fc.weight, which is a quantized tensor",
        "before they are quantized")]
    [InlineData("ctorch._utils\n_rebuild_sparse_tensor\n(tR", "fc.weight, which is a sparse tensor", "fit the model")]
    [InlineData("ctorch._utils\n_rebuild_sparse_csr_tensor\n(tR", "fc.weight, which is a sparse tensor", "fit the model")]
    [InlineData("ctorch._utils\n_rebuild_nested_tensor\n(tR", "fc.weight, which is a nested tensor", "fit the model")]
    [InlineData("ctorch._utils\n_rebuild_meta_tensor_no_storage\n(tR", "fc.weight, which is a tensor without numbers (on the device 'meta')", "fit the model")]
    [InlineData(
        "ctorch._tensor\n_rebuild_from_type_v2\n(ctorch._utils\n_rebuild_wrapper_subclass\nctorch.distributed.tensor\nDTensor\n(I1\nt}tR",
        "fc.weight, which is torch.distributed.tensor.DTensor", "full_state_dict=True")]
    [InlineData("ctorch._utils\n_rebuild_tensor_v3\n((S'storage'\nctorch\nFloatStorage\nS'0'\nS'cpu'\nK\u0004tQK\u0000(K\u0002K\u0002t(K\u0002K\u0001t\u0089Nctorch\nfloat8_e4m3fn\ntR", "fc.weight, which is a tensor of float8_e4m3fn", "fit the model")]
    public void An_object_in_a_weights_place_is_refused_by_its_name_and_class_where_the_model_needs_it(string odd, params string[] expected)
    {
        using ReferenceDevice device = new();
        string pickle = TorchFile.Dict(("state_dict", TorchFile.Dict(("fc.weight", odd), ("other.weight", Tensor))));
        File.WriteAllBytes(FilePath, TorchFile.Zip(pickle));
        EngineException error = Assert.Throws<EngineException>(() => StateDictionary.Load(new Head("fc").To(device), FilePath));
        Assert.All(expected, part => Assert.Contains(part, error.Message));
        Assert.Contains(FilePath, error.Message);
        Assert.DoesNotContain("is not a valid", error.Message);

        // Another model gets all that it needs, and what is left over is named.
        error = Assert.Throws<EngineException>(() => StateDictionary.Load(new Head("other").To(device), FilePath));
        Assert.Contains("1 unexpected (fc.weight)", error.Message);
        LoadReport report = StateDictionary.Load(new Head("other").To(device), FilePath, new LoadOptions { AllowPartial = true });
        Assert.Equal(["other.weight"], report.Loaded);
    }

    [Fact]
    public void Objects_among_the_weights_that_are_no_modules_are_passed_over()
    {
        File.WriteAllBytes(FilePath, TorchFile.Zip(TorchFile.Dict(
            ("fc.weight", Tensor), ("args", "cargparse\nNamespace\n)\u0081"), ("epoch", "I3\n"), ("fc._extra_state", "c_io\nBytesIO\n)\u0081"))));
        using ReferenceDevice device = new();
        Assert.True(StateDictionary.Load(new Head("fc").To(device), FilePath).IsComplete);
    }

    [Theory]
    [InlineData("module.zip.pth", "holds a whole pickled model (torch.nn.modules.container.Sequential)", "save model.state_dict() with torch.save")]
    [InlineData("script.pt", "is a TorchScript program", "torch.jit.load(FILE).state_dict()")]
    [InlineData("package.pt", "is a torch.package", "state_dict()")]
    [InlineData("export.pt2", "is a program of torch.export", "state_dict()")]
    [InlineData("distributed.metadata", "is the index of a torch.distributed.checkpoint folder", "dcp_to_torch_save")]
    public void Programs_and_models_instead_of_weights_are_called_what_they_are(string name, params string[] expected)
    {
        EngineException error = Assert.Throws<EngineException>(() => TensorFile.Open(CheckpointData.FilePath(name)));
        Assert.All(expected, part => Assert.Contains(part, error.Message));
        Assert.DoesNotContain("not a valid", error.Message);
    }

    [Fact]
    public void A_pickled_module_under_a_key_is_refused_but_weights_beside_it_are_read()
    {
        const string module = "cmy.models\nNet\n)\u0081}(S'_parameters'\n}S'_modules'\n}ub";
        File.WriteAllBytes(
            FilePath,
            TorchFile.Legacy(TorchFile.Dict(("model", module), ("epoch", "I3\n")).Replace("epoch'\nI3\n", "x'\n" + Tensor, StringComparison.Ordinal)));
        using (TensorFile file = TensorFile.Open(FilePath))
        {
            TorchFile.AssertHolds(file, "x");
        }

        File.WriteAllBytes(FilePath, TorchFile.Zip(TorchFile.Dict(("model", module), ("epoch", "I3\n"))));
        string message = Assert.Throws<EngineException>(() => TensorFile.Open(FilePath)).Message;
        Assert.Contains("holds a whole pickled model (my.models.Net) under 'model'", message);
    }

    private sealed class Head : Module
    {
        public Head(string name) => AddChild(name, new Linear(2, 2, bias: false));

        protected override global::Engine.Tensor ForwardCore(global::Engine.Tensor input) => input;
    }
}
