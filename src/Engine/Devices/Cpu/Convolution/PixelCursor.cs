namespace Engine.Devices.Cpu.Convolution;

/// <summary>Goes through a band's output pixels in order and tells where each one's window starts in the source and where its channels go.</summary>
internal unsafe struct PixelCursor
{
    private readonly int _rows, _columns, _sourceStep;
    private readonly long _sourceRow, _sourceImage, _destinationStep, _destinationRow, _destinationImage;
    private float* _source, _sourceRowStart, _sourceImageStart;
    private float* _destination, _destinationRowStart, _destinationImageStart;
    private int _row, _column;

    public PixelCursor(in Correlation work, in SourceWindow window, int firstImage, int firstRow, int rows, int firstChannel)
    {
        _rows = rows;
        _columns = work.Columns.Outputs;
        _sourceStep = work.Columns.Step * window.ColumnPitch;
        _sourceRow = (long)work.Rows.Step * window.RowPitch;
        _sourceImage = window.ImagePitch;
        _source = _sourceRowStart = _sourceImageStart = window.Pixels;
        long rowPitch = (long)work.DestinationWidth * work.DestinationChannels;
        _destinationStep = (long)work.Columns.DestinationStep * work.DestinationChannels;
        _destinationRow = work.Rows.DestinationStep * rowPitch;
        _destinationImage = work.DestinationHeight * rowPitch;
        _destination = work.Destination + (firstImage * _destinationImage) + firstChannel
            + ((work.Rows.DestinationStart + ((long)firstRow * work.Rows.DestinationStep)) * rowPitch)
            + ((long)work.Columns.DestinationStart * work.DestinationChannels);
        _destinationRowStart = _destinationImageStart = _destination;
        _row = _column = 0;
    }

    /// <summary>The next pixels; there must be that many left.</summary>
    public void Take(int count, float** sources, float** destinations)
    {
        for (int i = 0; i < count;)
        {
            if (_column == _columns)
            {
                NextRow();
            }

            int run = Math.Min(count - i, _columns - _column);
            _column += run;
            float* source = _source;
            float* destination = _destination;
            for (int end = i + run; i < end; i++)
            {
                sources[i] = source;
                destinations[i] = destination;
                source += _sourceStep;
                destination += _destinationStep;
            }

            _source = source;
            _destination = destination;
        }
    }

    private void NextRow()
    {
        _column = 0;
        if (++_row == _rows)
        {
            _row = 0;
            _sourceImageStart += _sourceImage;
            _destinationImageStart += _destinationImage;
            _sourceRowStart = _sourceImageStart;
            _destinationRowStart = _destinationImageStart;
        }
        else
        {
            _sourceRowStart += _sourceRow;
            _destinationRowStart += _destinationRow;
        }

        _source = _sourceRowStart;
        _destination = _destinationRowStart;
    }
}
