using System.Globalization;
using Engine.Formats.PyTorch;

namespace Engine.Formats;

/// <summary>
/// Writes files as PyTorch's <c>torch.save(state_dict)</c> does since 1.6: a zip file with a pickle that describes the tensors, and each tensor's
/// numbers as a file of its own. <c>torch.load(path)</c> gives an OrderedDict of tensors, with <c>weights_only=True</c> too.
/// </summary>
public static class PyTorchWriter
{
    private const string Folder = "archive/";

    /// <summary>Makes or replaces a file, atomically.</summary>
    /// <param name="path">The file; its folder must exist.</param>
    /// <param name="contents">The tensors, in the order of the dictionary.</param>
    /// <exception cref="EngineException">A name occurs twice, or the file cannot be written; nothing has changed then.</exception>
    public static void Write(string path, IReadOnlyList<StoredTensor> contents) => AtomicFile.Write(path, stream => Write(stream, contents));

    /// <summary>Writes a file's content to a stream.</summary>
    /// <exception cref="EngineException">A name occurs twice, or a tensor has not the bytes of its shape.</exception>
    public static void Write(Stream stream, IReadOnlyList<StoredTensor> contents) => Write(new ZipWriter(stream), contents);

    internal static void Write(ZipWriter zip, IReadOnlyList<StoredTensor> contents)
    {
        if (contents.CountBy(c => c.Name).FirstOrDefault(c => c.Value > 1).Key is { } name)
        {
            throw new EngineException($"PyTorch file: entry name '{ShownName.Of(name)}' is given twice");
        }

        zip.Add(Folder + "data.pkl", PickleWriter.StateDictionary(contents));
        zip.Add(Folder + "byteorder", "little"u8);
        for (int i = 0; i < contents.Count; i++)
        {
            zip.Add(string.Create(CultureInfo.InvariantCulture, $"{Folder}data/{i}"), contents[i].CheckedBytes());
        }

        zip.Add(Folder + "version", "3\n"u8);
        zip.Finish();
    }
}
