using System.IO.Compression;
using Engine.Formats;

namespace Engine.Data;

/// <summary>
/// Reads CIFAR-10 and CIFAR-100 in their official binary layout: records of one or two label bytes and 3,072 pixels as three
/// planes of 32x32 (red, green, blue). The files lie in a folder or still in the official .tar.gz. The files of the archive for Python are read too.
/// </summary>
internal sealed class CifarSet : DataSet
{
    private const int Side = 32;
    private const int Channels = 3;
    private const int Plane = Side * Side;
    private const int ImageBytes = Plane * Channels;
    private const long BesideRecords = 1 << 24;

    // Each image's file name and labels, in the Python archive.
    private const int PythonBytesBeside = 256;
    private const string BinaryEnding = ".bin";
    private readonly IReadOnlyList<string> _classes;
    private readonly int _labelBytes;
    private readonly string[] _trainFiles;
    private readonly string _testFile;
    private readonly int _trainRecords;
    private readonly int _testRecords;
    private readonly string _unpackedFolder;
    private readonly string _pythonFolder;

    private CifarSet(
        IReadOnlyList<string> classes, int labelBytes, string[] trainFiles, string testFile, int trainRecords, int testRecords, string unpacked, string sha256, long length)
        : base(
            $"cifar{classes.Count}", $"50,000 + 10,000 photographs, 32x32 color, {classes.Count} classes",
            $"CIFAR-{classes.Count}, A. Krizhevsky, V. Nair and G. Hinton (2009), University of Toronto; no license stated",
            [new("https://www.cs.toronto.edu/~kriz/", $"cifar-{classes.Count}-binary.tar.gz", sha256, length)])
    {
        _classes = classes;
        _labelBytes = labelBytes;
        _trainFiles = trainFiles;
        _testFile = testFile;
        _trainRecords = trainRecords;
        _testRecords = testRecords;
        _unpackedFolder = unpacked;
        _pythonFolder = classes.Count == 10 ? "cifar-10-batches-py" : "cifar-100-python";
    }

    /// <summary>CIFAR-10: five training files and a test file, of 10,000 records with one label byte.</summary>
    public static CifarSet Ten { get; } = TenWith(records: 10_000);

    /// <summary>CIFAR-100: 50,000 training and 10,000 test records, each with a coarse label, which is skipped, and a fine one.</summary>
    public static CifarSet Hundred { get; } = HundredWith(trainRecords: 50_000, testRecords: 10_000);

    /// <inheritdoc/>
    public override IReadOnlyList<string> ClassNames => _classes;

    /// <inheritdoc/>
    public override Shape? ImageShape => new(1, Side, Side, Channels);

    private long Records => ((long)_trainFiles.Length * _trainRecords) + _testRecords;

    private int RecordBytes => _labelBytes + ImageBytes;

    private string[] FileNames => [.. _trainFiles, _testFile];

    /// <summary>CIFAR-10's layout with another number of records in each file, for tests.</summary>
    internal static CifarSet TenWith(int records) => new(
        CifarClasses.Ten, labelBytes: 1,
        ["data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin"], "test_batch.bin",
        records, records, "cifar-10-batches-bin", "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd", 170_052_171);

    /// <summary>CIFAR-100's layout with other numbers of records, for tests.</summary>
    internal static CifarSet HundredWith(int trainRecords, int testRecords) => new(
        CifarClasses.Hundred, labelBytes: 2, ["train.bin"], "test.bin",
        trainRecords, testRecords, "cifar-100-binary", "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec", 168_513_733);

    /// <inheritdoc/>
    private protected override string? Locate(string folder)
    {
        // The archive itself may be named, and unpacked files come before it; those for C before those for Python.
        return File.Exists(folder) ? folder
            : LocateFiles([folder, Path.Combine(folder, _unpackedFolder), Path.Combine(folder, Name)], FileNames, Path.Combine)
            ?? LocateFiles([folder, Path.Combine(folder, _pythonFolder), Path.Combine(folder, Name)], [.. FileNames.Select(PythonName)], Path.Combine)
            ?? ((string[])[Downloads[0].FileName, Downloads[0].FileName.Replace("-binary", "-python", StringComparison.Ordinal)])
                .Select(name => Path.Combine(folder, name)).FirstOrDefault(File.Exists);
    }

    /// <inheritdoc/>
    private protected override ImageDataset Read(string location, CancellationToken cancellation)
    {
        Part train = new(_trainFiles.Length * _trainRecords);
        Part test = new(_testRecords);
        if (Directory.Exists(location))
        {
            bool isPython = !File.Exists(Path.Combine(location, _testFile));
            foreach (string fileName in FileNames)
            {
                string onDisk = isPython ? PythonName(fileName) : fileName;
                using DataFile file = DataFile.Open(Path.Combine(location, onDisk));
                ReadEither(file, onDisk, train, test, cancellation);
            }
        }
        else
        {
            ReadArchive(location, train, test, cancellation);
        }

        return new ImageDataset(Name, Source(train), Source(test), new Augmentation(Padding: 4, Mirror: true), Credit);
    }

    private MemoryImageSource Source(Part part) => new(part.Pixels, part.Labels, Side, Side, Channels, _classes);

    private void ReadArchive(string path, Part train, Part test, CancellationToken cancellation)
    {
        HashSet<string> missing = [.. FileNames];
        bool? isPython = null;
        try
        {
            using FileStream file = DataFile.OpenFile(path);
            if (file.Length == 0)
            {
                throw new EngineException($"{path} is empty; delete it and run 'engine data get {Name}'");
            }

            // The official archive has a description beside the records; nothing that unpacks to much more is it.
            TarFile archive = new(new GZipStream(file, CompressionMode.Decompress), (Records * (RecordBytes + PythonBytesBeside)) + BesideRecords);
            while (missing.Count > 0 && archive.Next())
            {
                // An archive is of one kind, which its first file tells.
                string fileName = Path.GetFileName(archive.Name);
                bool isPythonName = !fileName.EndsWith(BinaryEnding, StringComparison.Ordinal);
                if ((isPython ?? isPythonName) == isPythonName && missing.Remove(isPythonName ? fileName + BinaryEnding : fileName))
                {
                    isPython = isPythonName;
                    ReadEither(DataFile.From($"{path}({ShownName.Of(archive.Name)})", archive.Content, archive.Length), fileName, train, test, cancellation);
                }
            }
        }
        catch (Exception e) when (e is InvalidDataException or EndOfStreamException)
        {
            throw new EngineException(
                $"{path} is damaged or truncated: expected a .tar.gz archive ({FileProblem.Of(e)}); delete it and run 'engine data get {Name}'", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new EngineException($"cannot read {path}: {FileProblem.Of(path, e)}", e);
        }

        if (missing.Count > 0)
        {
            IEnumerable<string> names = FileNames.Where(missing.Contains).Select(f => isPython == true ? PythonName(f) : f);
            throw new EngineException($"{path} lacks {string.Join(", ", names)}; expected the official archive of {Name}");
        }
    }

    private void ReadEither(DataFile file, string fileName, Part train, Part test, CancellationToken cancellation)
    {
        if (fileName.EndsWith(BinaryEnding, StringComparison.Ordinal))
        {
            ReadFile(file, fileName, train, test, cancellation);
            return;
        }

        fileName += BinaryEnding;
        (Part part, int first, int records) = PlaceOf(fileName, train, test);
        byte[] content = file.ReadToEnd((long)records * (RecordBytes + PythonBytesBeside) + BesideRecords, cancellation);
        (byte[] planes, long[] labels) = CifarPickle.Read(file.Path, content, _labelBytes == 1 ? "labels" : "fine_labels", records);
        for (int i = 0; i < records; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            CheckLabel(file, i, labels[i]);
            part.Labels[first + i] = (byte)labels[i];
            Interleave(planes.AsSpan(i * ImageBytes, ImageBytes), part.Pixels.AsSpan((first + i) * ImageBytes, ImageBytes));
        }
    }

    private static string PythonName(string fileName) => fileName[..^BinaryEnding.Length];

    // Whose records a file has, from which one on, and how many.
    private (Part Part, int First, int Records) PlaceOf(string fileName, Part train, Part test) => fileName == _testFile
        ? (test, 0, _testRecords)
        : (train, Array.IndexOf(_trainFiles, fileName) * _trainRecords, _trainRecords);

    private void CheckLabel(DataFile file, int record, long label)
    {
        if (label < 0 || label >= _classes.Count)
        {
            throw new EngineException($"{file.Path} gives record {record:N0} the label {label}; expected 0 to {_classes.Count - 1}");
        }
    }

    private void ReadFile(DataFile file, string fileName, Part train, Part test, CancellationToken cancellation)
    {
        (Part part, int first, int records) = PlaceOf(fileName, train, test);
        string expected = $"{(long)records * RecordBytes:N0} bytes, {records:N0} records of {RecordBytes:N0}";
        byte[] record = new byte[RecordBytes];
        for (int i = 0; i < records; i++)
        {
            cancellation.ThrowIfCancellationRequested();
            file.Fill(record, expected);
            int label = record[_labelBytes - 1];
            CheckLabel(file, i, label);
            part.Labels[first + i] = (byte)label;
            Interleave(record.AsSpan(_labelBytes), part.Pixels.AsSpan((first + i) * ImageBytes, ImageBytes));
        }

        file.CheckEnd(expected);
    }

    // Three planes become channels last.
    private static void Interleave(ReadOnlySpan<byte> planes, Span<byte> pixels)
    {
        ReadOnlySpan<byte> red = planes[..Plane];
        ReadOnlySpan<byte> green = planes.Slice(Plane, Plane);
        ReadOnlySpan<byte> blue = planes.Slice(2 * Plane, Plane);
        for (int i = 0; i < Plane; i++)
        {
            pixels[3 * i] = red[i];
            pixels[(3 * i) + 1] = green[i];
            pixels[(3 * i) + 2] = blue[i];
        }
    }

    private sealed class Part(int count)
    {
        public byte[] Pixels { get; } = GC.AllocateUninitializedArray<byte>(count * ImageBytes);

        public byte[] Labels { get; } = new byte[count];
    }
}
